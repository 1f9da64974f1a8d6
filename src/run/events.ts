import type { ReferenceAtOpen } from "../reference/reference.js";
import type { TelemetryTotals } from "../telemetry/receiver.js";
import type { StepMetrics } from "./metrics.js";

/** How a run ended: as planned, by a policy's decision, or by the caller; a paused one may be resumed. */
export type RunOutcome = "completed" | "stopped" | "cancelled" | "paused";

/** The parts of a run's life, in their order. */
export type PhaseName = "training" | "evaluation" | "page";

/** What the model of a stage scored. */
export interface Evaluation {
  stage: number;
  /** Name of the benchmark, or "scenes". */
  benchmark: string;
  /** By name, as the benchmark prints them; null where a denominator is 0. Of scenes: shares, 0 to 1. */
  figures: Record<string, number | null>;
}

/** What happens in a run, in the order in which it happens. */
export type RunEvent =
  /** A director holds the run from here on. */
  | { type: "claimed"; processId: number }
  | {
      type: "started";
      name: string;
      stages: { name: string; steps: number }[];
      trainableParameters: number;
      /**
       * What the model was stored in, what it is trained and saved in, and what the passes compute in where that is
       * another type; such as "bfloat16", "float32". Absent in runs of older versions.
       */
      dtypes?: { stored: string; weights: string; autocast: string };
    }
  /** The run goes on after optimiser step `step`, 0: from its beginning; what was told of later steps is void. */
  | { type: "resumed"; step: number; stage: number; reason: string }
  /** Reference log-probabilities of `done` of `total` pairs are computed; comes before `stage-opened`. */
  | { type: "table"; stage: number; done: number; total: number }
  | {
      type: "stage-opened";
      stage: number;
      name: string;
      /** Planned optimiser steps. */
      steps: number;
      reference: ReferenceAtOpen;
      tableSeconds: number;
    }
  | { type: "step"; report: StepMetrics }
  | { type: "reference-moved"; stage: number; step: number; alpha: number; reason: string }
  /** A model lies in `path`. */
  | { type: "checkpoint"; stage: number; step: number; name: string; path: string; weightsSha256: string }
  /** The whole training lies in `checkpoints/<name>`: the run can go on from there. */
  | { type: "training-saved"; stage: number; step: number; name: string }
  | { type: "stage-closed"; stage: number; steps: number; unusedPairs: number[] }
  /** A saved training is of no use; an earlier one is taken. */
  | { type: "checkpoint-damaged"; name: string; reason: string }
  /** Lines of a file of the run cannot be read; what stands before them is taken. */
  | { type: "file-damaged"; file: string; reason: string }
  | { type: "trainer-exited"; reason: string; restart: number; limit: number; delaySeconds: number }
  /** Memory did not suffice: the same steps in smaller forward passes. */
  | { type: "micro-batch-halved"; step: number; batchSize: number; gradientAccumulationSteps: number; reason: string }
  /** The models are trained. `telemetry`: of the last trainer; null when it sent none. */
  | {
      type: "training-ended";
      outcome: "completed" | "stopped";
      reason: string;
      steps: number;
      telemetry: TelemetryTotals | null;
    }
  | { type: "phase-opened"; phase: Exclude<PhaseName, "training"> }
  /** The model of `stage` is scored on `benchmark`, the name of a benchmark or "scenes". */
  | { type: "evaluation-started"; stage: number; benchmark: string }
  /** `done` of `total` pictures are looked at, or questions answered. */
  | { type: "evaluation-progress"; stage: number; benchmark: string; what: string; done: number; total: number }
  | ({ type: "evaluation-finished" } & Evaluation & { path: string })
  /** The page lies in `path`. */
  | { type: "page-written"; path: string }
  /** `telemetry`: of the last trainer; null when it sent none. */
  | { type: "ended"; outcome: RunOutcome; reason: string; steps: number; telemetry: TelemetryTotals | null }
  /** `pairs`: rows of the data set in the forward pass whose loss was not finite. */
  | { type: "failed"; reason: string; step: number; pairs: number[] };

/** An event as `events.jsonl` holds it. */
export interface SequencedEvent {
  /** Counts from 1 without gaps over the whole life of the run, resumptions included. */
  readonly sequence: number;
  /** When it was written: ISO 8601, UTC. */
  readonly time: string;
  readonly event: RunEvent;
}
