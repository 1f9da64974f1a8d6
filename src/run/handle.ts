import type { Evaluation, PhaseName, RunEvent, SequencedEvent } from "./log/entries.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import type { RunSummary, SavedCheckpoint } from "./summary.js";

/**
 * Where a run stands. It is derived from the run's folder: QUEUED has not begun; RUNNING has a living director;
 * INTERRUPTED has none and no end in its log, as after a crash: it can be resumed.
 */
export type RunStatus =
  "QUEUED" | "RUNNING" | "PAUSED" | "CANCELLED" | "SUCCEEDED" | "STOPPED" | "FAILED" | "INTERRUPTED";

/** What is known of a run now. */
export interface RunDescription {
  readonly id: string;
  readonly directory: string;
  readonly status: RunStatus;
  /** Why it ended as it did; empty while it has not. */
  readonly reason: string;
  /** The part of its life that it is in, or was in last. */
  readonly phase: PhaseName;
  /** The stage that is open, or was opened last; null before the first. */
  readonly stage: { readonly index: number; readonly name: string } | null;
  /** Stages of the plan; 0 before it has begun. */
  readonly stages: number;
  /** Optimiser steps done. */
  readonly step: number;
  /** Optimiser steps of the plan. */
  readonly plannedSteps: number;
  /** The last step's report; null before the first. */
  readonly metrics: StepReport | null;
  /** Models that were saved, in order. */
  readonly checkpoints: readonly SavedCheckpoint[];
  /** What its models scored, in order. */
  readonly evaluations: readonly Evaluation[];
  /** Optimiser step from which the run would be resumed; 0: from its beginning. */
  readonly resumableStep: number;
  /** Wall-clock seconds during which a director held the run. */
  readonly seconds: number;
  /** Sequence number of the last event; 0 before the first. */
  readonly lastSequence: number;
}

/** Which events a reader wants. */
export interface EventsOptions {
  /** Only those after this sequence number (default 0: all). */
  readonly after?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** A run, of this process or of another, living or ended. Its iterator gives every event from the first to the end. */
export interface RunHandle extends AsyncIterable<RunEvent> {
  readonly id: string;
  /** The run's folder. */
  readonly directory: string;
  /**
   * What became of the run, once it has ended; a cancelled or paused run resolves too.
   *
   * @throws RunFailedError when it failed; its `cause` says why.
   */
  result(): Promise<RunSummary>;
  /** Ends the run within five seconds without saving anything further; resolves when it has ended. */
  cancel(reason?: string): Promise<void>;
  /** Saves the training after the step under way, and ends the trainer; resolves when that is done. */
  pause(): Promise<void>;
  /** Where the run stands now, from its folder. */
  describe(): Promise<RunDescription>;
  /** What happened and happens, from the run's folder; any number of readers, each at its own pace. */
  events(options?: EventsOptions): AsyncIterable<SequencedEvent>;
}
