import type { OpenTrainerOptions } from "../backend/trainer.js";
import type { Trainer } from "../backend/trainer.js";
import type { TelemetryTotals } from "../telemetry/receiver.js";
import type { LogEntry, PhaseName, RunOutcome } from "./log/entries.js";
import type { FoldedLog } from "./log/fold.js";
import type { StopRequest } from "./stop-request.js";

/** What a phase works with. */
export interface PhaseContext {
  /** Whoever cancels or pauses the run; a phase that has nothing to save gives up when `stop.requested` is aborted. */
  readonly stop: StopRequest;
  /** Optimiser steps done. */
  steps: number;
  /** What happened so far. */
  readonly log: () => Promise<FoldedLog>;
  /** Appends to the run's log, as `RunLog.write` does, and tells all who watch the run. */
  readonly tell: (entry: LogEntry) => Promise<void>;
  /** Resolves when the disk has everything told so far. */
  readonly sync: () => Promise<void>;
  /** The trainer that the phase has, or a new one; it is let go of when the phase ends, or when it dies. */
  readonly trainer: (opening: Pick<OpenTrainerOptions, "roots" | "logPath">) => Promise<Trainer>;
  /** Ends the trainer; the next one is new. */
  readonly letGo: () => Promise<void>;
}

/** How a phase ended. */
export interface PhaseEnd {
  readonly outcome: RunOutcome;
  readonly reason: string;
  /** Of the last trainer of a training; null when it sent none. */
  readonly telemetry?: TelemetryTotals | null;
}

/**
 * A part of a run's life: training, the evaluation, the page. What is done of it stands in the log, so that a run
 * that died, failed or was paused resumes with the first phase that is not over.
 */
export interface Phase {
  /** Stands before the reason of a failure. */
  readonly name: PhaseName;
  /** Whether, by the run's log and folder, nothing is left to do. */
  isOver(log: FoldedLog): Promise<boolean>;
  /**
   * Does the next piece of what is left.
   *
   * @param reason Why it is done again, after a trainer died, or in a run that is resumed; null at first.
   * @returns How the phase ended; null when more is left.
   * @throws TrainerExitedError when the trainer died: the piece is done again with another, as often as the run allows.
   */
  advance(context: PhaseContext, reason: string | null): Promise<PhaseEnd | null>;
}
