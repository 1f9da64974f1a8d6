import type { Agreement } from "../difficulty/agreement.js";
import type { RunSettings } from "../run-file/schema.js";

/** A file by its place and content. */
export interface DataFile {
  path: string;
  sha256: string;
}

interface AnyTask {
  name: string;
  /** Its folder; for a run, the run's. */
  directory: string;
  /** A file that is there once it is done. */
  makes: string;
  /** Hashes of what it reads and does not name by one. */
  inputs: Readonly<Record<string, string>>;
}

/** Scores the pairs with the base model and writes them again with difficulty and stage. */
export interface GradeTask extends AnyTask {
  kind: "grade";
  pairs: string;
  threads: number;
}

/** Scores the base model on scenes. */
export interface BaseTask extends AnyTask {
  kind: "base";
  scenes: string;
  threads: number;
}

/** A run, from training to page. */
export interface RunTask extends AnyTask {
  kind: "run";
  settings: RunSettings;
}

/** What one process does. */
export type Task = GradeTask | BaseTask | RunTask;

/** What grading found. */
export interface GradeResult {
  graded: DataFile;
  pairs: number;
  stages: number[];
  agreement: Agreement;
}

/** What a run leaves beside its folder: whether all telemetry of its training arrived. */
export interface RunResult {
  telemetry: { lost: number; complete: boolean };
}

/** What a task came to; what a model said and scored lies in its folder. */
export type ResultOf<Done extends Task> = Done extends GradeTask
  ? GradeResult
  : Done extends RunTask
    ? RunResult
    : object;

/** From the pool to a worker. */
export type ToWorker = { type: "task"; task: Task } | { type: "stop" };

/** From a worker to the pool. */
export type FromWorker =
  | { type: "progress"; phase: string; done: number; total: number }
  | { type: "result"; result: ResultOf<Task> }
  | { type: "failed"; message: string; isUserError: boolean };
