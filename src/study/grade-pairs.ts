import type { Trainer } from "../backend/trainer.js";
import { measureAgreement } from "../difficulty/agreement.js";
import { gradePairs as gradeSignals } from "../difficulty/grade.js";
import { scorePairs, signalsOf } from "../difficulty/score-pairs.js";
import { cutStages } from "../curriculum/stages.js";
import { WordNet } from "../english/wordnet.js";
import { readPairs, writePairs } from "../pairs/parquet.js";
import { sha256File } from "../files/sha256.js";
import type { GradeJob, GradeResult, JobProgress } from "./job.js";

/** Stages of the curriculum: easy, medium, hard. */
export const STAGES = 3;

/** Scores the pairs with the base model and writes them again with difficulty and stage. */
export async function gradePairs(
  trainer: Trainer,
  job: GradeJob,
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<GradeResult> {
  const started = performance.now();
  await trainer.client.loadModel({ path: job.model.path }, { signal });
  const pairs = await readPairs(job.pairs.path, { images: true });
  const scores = await scorePairs(
    trainer.client,
    { ...job.pairs, pairs: pairs.length },
    { signal, onProgress: (done, total) => onProgress({ type: "phase", phase: "difficulty", done, total }) },
  );
  const wordnet = new WordNet();
  const signals = pairs.map(({ chosenWord, rejectedWord }, index) => {
    const hasBoth = chosenWord !== null && rejectedWord !== null;
    const score = scores[index] as (typeof scores)[number];
    return signalsOf(score, hasBoth ? wordnet.proximity(chosenWord, rejectedWord) : undefined);
  });
  const difficulties = gradeSignals(signals);
  const stages = cutStages(difficulties, STAGES);
  const graded = pairs.map((pair, index) => ({
    ...pair,
    difficulty: difficulties[index] as number,
    stage: stages[index] as number,
  }));
  await writePairs(job.graded, graded);
  const agreement = measureAgreement(
    pairs.map((pair, index) => {
      const { logps } = scores[index] as (typeof scores)[number];
      if (logps === undefined) throw new Error(`the trainer scored pair ${index} without log-probs`);
      return {
        difficulty: difficulties[index] as number,
        signals: signals[index] as (typeof signals)[number],
        kind: `${pair.kind}/${pair.detail}`,
        logps,
      };
    }),
  );
  return {
    kind: "grade",
    graded: { path: job.graded, sha256: await sha256File(job.graded) },
    pairs: pairs.length,
    stages: Array.from({ length: STAGES }, (_, stage) => stages.filter((each) => each === stage).length),
    agreement,
    seconds: (performance.now() - started) / 1000,
  };
}
