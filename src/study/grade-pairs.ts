import type { Trainer } from "../backend/trainer.js";
import { measureAgreement, type PairError } from "../difficulty/agreement.js";
import { type SignalName, SIGNALS } from "../difficulty/grading.js";
import { scoreFile } from "../difficulty/score-file.js";
import { sha256File } from "../files/sha256.js";
import { PAIR_COLUMNS } from "../pairs/pair-row.js";
import { readTable } from "../pairs/table.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import type { GradeResult, GradeTask } from "./task.js";

/** Stages of the curriculum: easy, medium, hard. */
const STAGES = 3;

/** Scores the pairs with the base model and writes them again with difficulty and stage, as `scpo pairs score` does. */
export async function gradePairs(
  trainer: Trainer,
  { pairs, makes: graded }: GradeTask,
  onProgress: (phase: string, done: number, total: number) => void,
  signal: AbortSignal,
): Promise<GradeResult> {
  const scored = await scoreFile({
    pairs,
    out: graded,
    signals: SIGNALS,
    model: EMBEDDED_MODEL_FOLDER,
    modelErrors: true,
    stages: STAGES,
    trainer: () => Promise.resolve(trainer),
    signal,
    onProgress,
  });
  const read = new Set<string>(["kind", "detail", "difficulty", ...SIGNALS]);
  const rows = await readTable(
    graded,
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
    graded: { path: graded, sha256: await sha256File(graded) },
    pairs: scored.pairs,
    stages: [...scored.stages],
    agreement,
  };
}
