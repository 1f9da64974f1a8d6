import type { RunEvent } from "../run/log/entries.js";
import type { Scores } from "../evaluation/eval-result.js";
import type { Agreement } from "../difficulty/agreement.js";
import type { TrainingSettings } from "./recipe.js";

/** A file by its place and content; for a model, its folder and the hash of its weights. */
export interface DataFile {
  path: string;
  sha256: string;
}

/** Scores the pairs with the base model and writes them again with difficulty and stage. */
export interface GradeJob {
  kind: "grade";
  name: string;
  directory: string;
  /** The base model. */
  model: DataFile;
  pairs: DataFile;
  graded: string;
}

/** Answers and scores of one model on evaluation scenes. */
export interface EvaluateJob {
  kind: "evaluate";
  name: string;
  directory: string;
  model: DataFile;
  scenes: DataFile;
  split: "validation" | "test";
}

/** Trains one method and scores the model of each of its stages. */
export interface MethodJob {
  kind: "method";
  name: string;
  directory: string;
  /** Name of the method in the study's table. */
  method: string;
  /** The model that it starts from. */
  model: DataFile;
  graded: DataFile;
  scenes: DataFile;
  split: "validation" | "test";
  /** Scenes for the stages before the last, which only draw a curve; absent scores the last stage alone. */
  stageScenes?: DataFile;
  learningRate: number;
  epochs: number;
  settings: TrainingSettings;
  seed: number;
}

export type Job = GradeJob | EvaluateJob | MethodJob;

/** What grading found. */
export interface GradeResult {
  kind: "grade";
  graded: DataFile;
  pairs: number;
  stages: number[];
  agreement: Agreement;
  seconds: number;
}

/** Scores of a model after one stage. */
export interface StageScores {
  stage: string;
  scores: Scores;
}

/** Whether all telemetry of a training arrived. */
export interface TelemetryOutcome {
  /** Messages that were lost. */
  lost: number;
  /** The final message came. */
  complete: boolean;
}

/** What an evaluation or a method came to; the answers lie in `answers`. */
export interface ScoresResult {
  kind: "scores";
  scores: Scores;
  answers: string;
  /** File of the result. */
  result: string;
  stages: StageScores[];
  checkpoint: string;
  weightsSha256: string;
  telemetry: TelemetryOutcome;
  /** Versions of the trainer's packages, by name. */
  versions: Record<string, string>;
  device: string;
  seconds: { train: number; evaluate: number };
}

export type JobResult = GradeResult | ScoresResult;

/** The result of a job of that type. */
export type ResultOf<Done extends Job> = Done extends GradeJob ? GradeResult : ScoresResult;

/** From the pool to a worker. */
export type ToWorker =
  { type: "boot"; roots: string[]; logPath: string; threads: number } | { type: "job"; job: Job } | { type: "stop" };

/** Progress of a job, for people. */
export type JobProgress =
  { type: "phase"; phase: string; done: number; total: number } | { type: "run"; event: RunEvent };

/** From a worker to the pool. */
export type FromWorker =
  | { type: "ready" }
  | { type: "progress"; progress: JobProgress }
  | { type: "result"; result: JobResult }
  | { type: "failed"; message: string; isUserError: boolean };
