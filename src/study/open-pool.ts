import type { Progress } from "../progress/progress.js";
import { plannedSteps } from "../run/plan.js";
import type { JobProgress } from "./job.js";
import type { Recipe } from "./recipe.js";
import { WorkerPool } from "./worker-pool.js";

/** Opens the pool of a demonstration or study whose files lie under `out`, and shows what its jobs report. */
export function openPool(options: {
  out: string;
  recipe: Recipe;
  workers: number;
  progress: Progress;
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

/** Passes what a job reports on to the display. */
function followJob(progress: Progress): (task: string, report: JobProgress) => void {
  const stages = new Map<string, { name: string; steps: number }[]>();
  return (task, report) => {
    if (report.type === "phase") {
      progress.update(task, report.phase, report.done, report.total);
      return;
    }
    const { event } = report;
    if (event.type === "started") {
      const { plan } = event;
      stages.set(
        task,
        plan.stages.map((stage) => ({ name: stage.name, steps: plannedSteps(plan, stage) })),
      );
    }
    const planned = stages.get(task) ?? [];
    const total = planned.reduce((sum, { steps }) => sum + steps, 0);
    if (event.type === "table") progress.update(task, "reference log-probs", event.done, event.total);
    if (event.type === "step") {
      const { step, stage } = event.report;
      progress.update(task, `steps, ${planned[stage]?.name ?? stage}`, step, Math.max(total, step));
    }
  };
}
