/** Entry of a worker process: one embedded trainer that does one job after another for the pool. */
import { bootEmbedded } from "../backend/embedded.js";
import type { Trainer } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import { evaluateModel } from "./evaluate-model.js";
import { gradePairs } from "./grade-pairs.js";
import type { FromWorker, Job, JobProgress, JobResult, ToWorker } from "./job.js";
import { runMethod } from "./run-method.js";

const cancel = new AbortController();
let trainer: Trainer | undefined;
let work: Promise<void> = Promise.resolve();

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

async function stop(): Promise<void> {
  cancel.abort();
  await trainer?.stop();
  process.exit(0);
}

/** Does one job with one trainer; `onProgress` is told how far it is. */
function doJob(
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

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case "boot":
      trainer = await bootEmbedded({ roots: message.roots, logPath: message.logPath, threads: message.threads });
      tell({ type: "ready" });
      return;
    case "job": {
      if (trainer === undefined) throw new Error("a job came before the trainer was booted");
      const progress = (report: JobProgress) => tell({ type: "progress", progress: report });
      tell({ type: "result", result: await doJob(trainer, message.job, progress, cancel.signal) });
      return;
    }
    case "stop":
      await stop();
  }
}

// The pool decides when to stop; a Ctrl-C in the terminal reaches every process of the group.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => void stop());
// The pool is gone: nobody waits for the result any more.
process.on("disconnect", () => void stop());
process.on("message", (message: ToWorker) => {
  const act = () =>
    handle(message).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      const isUserError = error instanceof UserError;
      if (!isUserError) console.error(error);
      tell({ type: "failed", message: text, isUserError });
    });
  // Jobs run one at a time; stop does not wait for them.
  if (message.type === "stop") void act();
  else work = work.then(act);
});
