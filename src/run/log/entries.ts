import type { Decision, StepReport } from "../../generated/scpo/v1/trainer.js";
import type { ReferenceAtOpen } from "../../reference/reference.js";
import type { TelemetryTotals } from "../../telemetry/receiver.js";
import type { RecordedPlan } from "../plan.js";

/** How a run ended: as planned, by a policy's decision, or by the caller; a paused one may be resumed. */
export type RunOutcome = "completed" | "stopped" | "cancelled" | "paused";

/** The parts of a run's life, in their order. */
export type PhaseName = "training" | "evaluation" | "page";

/** What the model of a stage scored. */
export interface Evaluation {
  stage: number;
  /** Name of the benchmark. */
  benchmark: string;
  /** By name, as the benchmark prints them; null where a denominator is 0. */
  figures: Record<string, number | null>;
}

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

/** What a run begins with; it is resumed with the same. */
export interface RunBeginning {
  readonly plan: RecordedPlan;
  readonly weightsSha256: string;
  /** Policies that are functions of the caller's, by name; left out where there are none. */
  readonly functions?: readonly string[];
}

/** Something that happened in a run and that people and the service see. */
export type RunEvent =
  /** A director holds the run from here on: how the run ended before is void. */
  | { type: "claimed"; processId: number }
  | ({
      type: "started";
      trainableParameters: number;
      /**
       * What the model was stored in, what it is trained and saved in, and what the passes compute in where that is
       * another type; such as "bfloat16", "float32".
       */
      dtypes: { stored: string; weights: string; autocast: string };
    } & RunBeginning)
  /** The run resumes after optimiser step `step` (0: from its beginning); entries of later steps are void. */
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
      /** Why the first step has the pairs that it has; empty when the plan lists them. */
      reason: string;
      tableSeconds: number;
    }
  | { type: "step"; report: StepReport }
  | { type: "reference-moved"; stage: number; step: number; alpha: number; reason: string }
  | ({ type: "checkpoint" } & SavedCheckpoint)
  /** The whole training lies in `checkpoints/<name>`: the run can go on from there. */
  | { type: "training-saved"; stage: number; step: number; name: string }
  | { type: "stage-closed"; stage: number; steps: number; unusedPairs: number[] }
  /** A saved training is of no use; an earlier one is taken. */
  | { type: "checkpoint-damaged"; name: string; reason: string }
  /** Lines of a file of the run cannot be read; what stands before them is taken. */
  | { type: "file-damaged"; file: string; reason: string }
  | { type: "trainer-exited"; reason: string; restart: number; limit: number; delaySeconds: number }
  /** Memory did not suffice: the same steps in smaller forward passes, from the resumption before this on. */
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
  /** The model of `stage` is scored on `benchmark`, by its name. */
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

/** An answer to a step's report. */
export interface Decided {
  readonly decision: Decision;
  /** How it ends the training where it does so before the stages do: by a policy, or by the caller. */
  readonly early: "stopped" | "cancelled" | null;
}

/**
 * What a line of a run's log tells. Watchers do not see a decision, but what follows from it: it has no number of its own.
 */
export type LogEntry = RunEvent | ({ type: "decision" } & Decided);

/** A line of `log.jsonl`, the one file that tells what happened in a run. */
export interface LogLine<Entry extends LogEntry = LogEntry> {
  /** How many events there are up to here; that of an event is its own number. */
  readonly sequence: number;
  /** When it was written: ISO 8601, UTC. */
  readonly time: string;
  /** Milliseconds during which a director held the run, up to here. */
  readonly held: number;
  /** The byte at which the last landmark before this line begins; null when there is none. */
  readonly landmark: number | null;
  readonly entry: Entry;
}

/** An event as watchers see it. */
export interface SequencedEvent {
  /** Counts from 1 without gaps over the whole life of the run, resumptions included. */
  readonly sequence: number;
  /** When it was written: ISO 8601, UTC. */
  readonly time: string;
  readonly event: RunEvent;
}

const LANDMARKS = [
  "claimed",
  "started",
  "resumed",
  "stage-opened",
  "checkpoint",
  "training-saved",
  "stage-closed",
  "micro-batch-halved",
  "training-ended",
  "phase-opened",
  "evaluation-finished",
  "page-written",
  "ended",
  "failed",
] as const satisfies readonly LogEntry["type"][];

/**
 * An entry that says where the run stands. There are few; the log gets nothing further before the disk has them, and each
 * line names the last one before it, so that they are found without reading what lies between.
 */
export type Landmark = Extract<LogEntry, { type: (typeof LANDMARKS)[number] }>;

const landmarks: ReadonlySet<string> = new Set(LANDMARKS);

/** Whether a line holds a landmark. */
export function isLandmark(line: LogLine): line is LogLine<Landmark> {
  return landmarks.has(line.entry.type);
}

/** Whether watchers see an entry. */
export function isEvent(entry: LogEntry): entry is RunEvent {
  return entry.type !== "decision";
}
