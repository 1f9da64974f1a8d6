import type { Trainer } from "../backend/trainer.js";
import { measureAgreement, type PairError } from "../difficulty/agreement.js";
import { type SignalName, SIGNALS } from "../difficulty/grading.js";
import { scoreFile } from "../difficulty/score-file.js";
import { sha256File } from "../files/sha256.js";
import { PAIR_COLUMNS } from "../pairs/pair-row.js";
import { readTable } from "../pairs/table.js";
import type { GradeJob, GradeResult, JobProgress } from "./job.js";

/** Stages of the curriculum: easy, medium, hard. */
export const STAGES = 3;

/** Scores the pairs with the base model and writes them again with difficulty and stage, as `scpo pairs score` does. */
export async function gradePairs(
  trainer: Trainer,
  job: GradeJob,
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<GradeResult> {
  const started = performance.now();
  const scored = await scoreFile({
    pairs: job.pairs.path,
    out: job.graded,
    signals: SIGNALS,
    model: job.model.path,
    modelErrors: true,
    stages: STAGES,
    trainer: () => Promise.resolve(trainer),
    signal,
    onProgress: (phase, done, total) => onProgress({ type: "phase", phase, done, total }),
  });
  const read = new Set<string>(["kind", "detail", "difficulty", ...SIGNALS]);
  const rows = await readTable(
    job.graded,
    PAIR_COLUMNS.filter(({ name }) => read.has(name)),
  );
  const agreement = measureAgreement(
    rows.map((row, index) => ({
      difficulty: row["difficulty"] as number,
      signals: row as Record<SignalName, number | null>,
      kind: `${String(row["kind"])}/${String(row["detail"])}`,
      error: scored.errors[index] as PairError,
    })),
  );
  return {
    kind: "grade",
    graded: { path: job.graded, sha256: await sha256File(job.graded) },
    pairs: scored.pairs,
    stages: [...scored.stages],
    agreement,
    seconds: (performance.now() - started) / 1000,
  };
}
