import type { Agreement } from "../difficulty/agreement.js";
import type { StudyResult } from "./study-result.js";
import type { PairRecord } from "../generated/scpo/v1/telemetry.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";

/** A test scene with what two models said about it. */
export interface ExampleScene {
  id: string;
  /** Bytes of a PNG file. */
  png: Uint8Array;
  /** Objects in the image. */
  objects: readonly string[];
  /** Caption of the model before training. */
  before: string;
  /** Caption of the model after training. */
  after: string;
}

/** A training pair with its margins as they were when it was last trained on. */
export interface ExamplePair {
  /** Row of the pair in its data set. */
  pair: number;
  kind: string;
  difficulty: number | null;
  stage: number | null;
  /** Bytes of a PNG file: the image that `chosen` is true of. */
  image: Uint8Array;
  /** Bytes of a PNG file: the image that `rejected` is true of. */
  rejectedImage: Uint8Array;
  prompt: string;
  chosen: string;
  rejected: string;
  textualMargin: number;
  visualMargin: number;
}

/** A stage as it was trained. */
export interface TrainedStage {
  stage: number;
  name: string;
  /** First and last optimiser step, counted from 1 over the training. */
  firstStep: number;
  lastStep: number;
}

/** The reference at a moment when it changed. */
export interface ReferenceUpdate {
  /** Optimiser steps done before it. */
  step: number;
  /** Share of the policy in the new reference; 1 is a hard move. */
  alpha: number;
  reason: string;
}

/** Files and figures of one method's training. */
export interface TrainingHistory {
  /** The method's key, for example "scpo". */
  method: string;
  stages: readonly TrainedStage[];
  referenceUpdates: readonly ReferenceUpdate[];
  steps: readonly StepReport[];
  records: readonly PairRecord[];
  /** The records are those of every so many steps; left out: of all. */
  recordsEvery?: number;
  /** How many telemetry messages were lost, and whether the final one came. */
  telemetry: { lost: number; complete: boolean };
}

/** How a study was made. */
interface Provenance {
  /** The command that makes it again. */
  command: string;
  device: string;
  /** Versions by the name of the package. */
  versions: Readonly<Record<string, string>>;
  /** SHA-256 by the name of the file or model. */
  hashes: Readonly<Record<string, string>>;
  /** Settings as resolved; shown as JSON. */
  recipe: object;
}

/** Everything that the page shows. */
export interface ReportData {
  title: string;
  result: StudyResult;
  /** Names of models and methods for people, by key; a missing one is shown by its key. */
  labels: Readonly<Record<string, string>>;
  /** Key in `result.models` of the model before training. */
  before: string;
  /** Key in `result.models` of the model that the page is about. */
  after: string;
  /** The first test scenes of the file. */
  firstScenes: readonly ExampleScene[];
  /** The scenes that the model after training does worst on. */
  worstScenes: readonly ExampleScene[];
  /** The page is about the first; the others are folded. */
  trainings: readonly TrainingHistory[];
  /** Pairs with the worst margins of the first training. */
  worstPairs: readonly ExamplePair[];
  /** Difficulty by pair; null where it was not measured. */
  difficulties: readonly (number | null)[];
  agreement?: Agreement | undefined;
  provenance: Provenance;
}

/** Name of a model or method for people. */
export function labelOf(data: Pick<ReportData, "labels">, key: string): string {
  return data.labels[key] ?? key;
}
