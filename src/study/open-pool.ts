import { followJob, type StudyProgress } from "./progress.js";
import type { Recipe } from "./recipe.js";
import { WorkerPool } from "./worker-pool.js";

/** Opens the pool of a demonstration or study whose files lie under `out`, and shows what its jobs report. */
export function openPool(options: {
  out: string;
  recipe: Recipe;
  workers: number;
  progress: StudyProgress;
  signal: AbortSignal;
}): WorkerPool {
  const { out, recipe, workers, progress, signal } = options;
  const follow = followJob(progress);
  return new WorkerPool({
    workers,
    threads: recipe.threads,
    root: out,
    signal,
    onProgress: (job, report) => follow(job.name, report),
  });
}
