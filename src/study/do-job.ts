import type { Trainer } from "../backend/trainer.js";
import { evaluateModel } from "./evaluate-model.js";
import { gradePairs } from "./grade-pairs.js";
import type { Job, JobProgress, JobResult } from "./job.js";
import { runMethod } from "./run-method.js";

/** Does one job with one trainer; `onProgress` is told how far it is. */
export async function doJob(
  trainer: Trainer,
  job: Job,
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<JobResult> {
  switch (job.kind) {
    case "grade":
      return gradePairs(trainer, job, onProgress, signal);
    case "evaluate":
      return evaluateModel(trainer, job, onProgress, signal);
    case "method":
      return runMethod(trainer, job, onProgress, signal);
  }
}
