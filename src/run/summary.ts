import type { TelemetryTotals } from "../telemetry/receiver.js";
import type { Evaluation, RunOutcome } from "./log/entries.js";

/** A checkpoint that the trainer saved. */
export interface SavedCheckpoint {
  name: string;
  stage: number;
  /** Optimiser steps since training started. */
  step: number;
  /** Folder with the model. */
  path: string;
  weightsSha256: string;
}

/** What became of a stage. */
export interface StageSummary {
  name: string;
  plannedSteps: number;
  steps: number;
  /** Fed to the trainer but not trained on. */
  unusedPairs: number[];
  /** The checkpoint `stage-<k>` of the stage's end; null when the stage was cut off. */
  checkpoint: SavedCheckpoint | null;
  /** Seconds spent on the table of reference log-probabilities. */
  tableSeconds: number;
}

/** What became of a run. */
export interface RunSummary {
  outcome: RunOutcome;
  /** Why the run ended. */
  reason: string;
  steps: number;
  /** Wall-clock seconds during which a director held the run, earlier lives of it included. */
  seconds: number;
  /** Hash of the weights from which the run started; empty when it ended before they were loaded. */
  initialWeightsSha256: string;
  /** Stages that were opened, in order. */
  stages: StageSummary[];
  /** Every model that was saved, in order. */
  checkpoints: SavedCheckpoint[];
  /** Moves of the reference within stages. */
  referenceMoves: { step: number; alpha: number; reason: string }[];
  /** What its models scored, in order. */
  evaluations: Evaluation[];
  /** Of the last trainer; null when telemetry was off. */
  telemetry: TelemetryTotals | null;
}
