/** Entry of a worker process: does one task for the pool. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { bootEmbedded } from "../backend/embedded.js";
import type { Trainer } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import type { Progress } from "../progress/progress.js";
import { benchmarkTask, sceneBenchmark } from "../run-file/evaluation-task.js";
import { followRun } from "../run-file/follow-run.js";
import { SETTINGS_FILE } from "../run-file/settings-folder.js";
import { prepareResumption, prepareRun, resumePrepared, startPrepared } from "../run-file/start-run.js";
import { gradePairs } from "./grade-pairs.js";
import type { BaseTask, FromWorker, GradeTask, ResultOf, RunResult, RunTask, Task, ToWorker } from "./task.js";
import { TASK_FILE } from "./task-pool.js";

const cancel = new AbortController();
const { signal } = cancel;

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

const report = (phase: string, done: number, total: number) => tell({ type: "progress", phase, done, total });

/** Shows to the pool how far a run is. */
const progress: Progress = {
  update: (_, phase, done, total) => report(phase, done, total),
  finish: () => undefined,
  note: () => undefined,
  close: () => undefined,
};

function perform(task: Task): Promise<ResultOf<Task>> {
  switch (task.kind) {
    case "grade":
      return withTrainer(task, [task.pairs], (trainer) => gradePairs(trainer, task, report, signal));
    case "base":
      return scoreBase(task);
    case "run":
      return performRun(task);
  }
}

async function scoreBase(task: BaseTask): Promise<object> {
  const model = { stage: 0, path: EMBEDDED_MODEL_FOLDER };
  const scoring = benchmarkTask(sceneBenchmark(task.scenes), model, task.directory);
  await withTrainer(task, [task.scenes], (trainer) => scoring.perform(() => Promise.resolve(trainer), report, signal));
  return {};
}

/** Begins the run, or resumes it where an earlier call left it. */
async function performRun({ name, directory, settings }: RunTask): Promise<RunResult> {
  const options = { signal, id: name, claim: { directory, file: TASK_FILE } };
  const isBegun = existsSync(join(directory, SETTINGS_FILE));
  const run = await (isBegun ? prepareResumption(directory) : prepareRun(settings, options));
  const handle = await (isBegun ? resumePrepared(run, options) : startPrepared(run, options));
  await followRun(handle, run, progress, 0);
  const { outcome, reason, telemetry } = await handle.result();
  if (outcome !== "completed") throw new Error(`the run ended as ${outcome}: ${reason}`);
  return { telemetry: { lost: telemetry?.lost ?? 0, complete: telemetry?.complete ?? true } };
}

async function withTrainer<Result>(
  { directory, threads }: GradeTask | BaseTask,
  files: readonly string[],
  work: (trainer: Trainer) => Promise<Result>,
): Promise<Result> {
  const roots = [EMBEDDED_MODEL_FOLDER, directory, ...files.map((file) => join(file, ".."))];
  const trainer = await bootEmbedded({ roots, logPath: join(directory, "trainer.log"), threads, signal });
  try {
    return await work(trainer);
  } finally {
    await trainer.stop();
  }
}

// The pool decides when to stop; a Ctrl-C in the terminal reaches every process of the group.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => cancel.abort());
// The pool is gone: nobody waits for the result any more.
process.on("disconnect", () => cancel.abort());
process.on("message", (message: ToWorker) => {
  if (message.type === "stop") {
    cancel.abort();
    process.disconnect();
    return;
  }
  perform(message.task)
    .then((result) => tell({ type: "result", result }))
    .catch((error: unknown) => {
      const isUserError = error instanceof UserError;
      if (!isUserError) console.error(error);
      tell({ type: "failed", message: error instanceof Error ? error.message : String(error), isUserError });
    });
});
