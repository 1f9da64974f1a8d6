import type { StepReport } from "../generated/scpo/v1/trainer.js";

/** What a curriculum knows of one pair. */
export interface CurriculumPair {
  /** Row of the pair in its data set. */
  readonly pair: number;
  /** 0 easy to 1 hard; null when the pair has not been scored. */
  readonly difficulty: number | null;
  /** Stage from the data set's `stage` column; null when the column is missing. */
  readonly stage: number | null;
}

/** The orders of a staged curriculum; the last two are the controls of every comparison. */
export const curriculumOrders = ["easy-to-hard", "hard-to-easy", "shuffled"] as const;

export type CurriculumOrder = (typeof curriculumOrders)[number];

/** What the run gives every curriculum. */
export interface CurriculumRun {
  /** Pairs per optimiser step: batch size times gradient accumulation steps, over all processes. */
  readonly effectiveBatch: number;
  readonly seed: number;
}

/** One stage of a curriculum. */
export interface CurriculumStage {
  readonly name: string;
  /**
   * Rows in feeding order, a multiple of the effective batch; where `steps` is given, the rows that the stage may draw,
   * each once.
   */
  readonly pairs: number[];
  /** How many of the last rows only fill up the last batch, repeating the stage from its front. */
  readonly padding: number;
  /** Optimiser steps of a stage whose rows are chosen step by step, by `next`. */
  readonly steps?: number;
  /** Rows that are scored for `promote` and never trained on; none by default. */
  readonly heldOut?: number[];
}

/** What a curriculum sees of the open stage: everything up to and including the last step, and nothing later. */
export interface CurriculumState {
  /** Index of the open stage. */
  readonly stage: number;
  /** Stages of the run. */
  readonly stages: number;
  /** Optimiser steps that the plan gives the open stage. */
  readonly plannedSteps: number;
  /** Rows that the open stage may draw, each once. */
  readonly drawable: readonly number[];
  /** Reports of the open stage, the last step's last. */
  readonly reports: readonly StepReport[];
  /**
   * Reward margin of each pair, the mean over the margins that the loss computes, at the step that last trained on it;
   * pairs that were not trained on since the reference last changed are missing.
   */
  readonly margins: ReadonlyMap<number, number>;
}

/** The rows of one optimiser step. */
export interface PairDraw {
  /** As many rows as the effective batch; each may be drawn. */
  readonly pairs: readonly number[];
  /** Told in the log. */
  readonly reason: string;
}

/**
 * Chooses the rows of the stage's next optimiser step (its number is `state.reports.length + 1`): a pure function of the
 * state, so that a run can be resumed and simulated.
 */
export type NextPairs = (state: CurriculumState) => PairDraw;

/** What a curriculum wants after a step. */
export interface Promotion {
  /** Ends the stage; the next one opens. */
  readonly endStage?: boolean;
  /** The next step's report shall hold the figures of the held-out rows. */
  readonly evaluateHeldOut?: boolean;
  /** Told in the log. */
  readonly reason: string;
}

/** Decides whether a stage has done its work: a pure function of the state; null continues. */
export type Promote = (report: StepReport, state: CurriculumState) => Promotion | null;

/** What a curriculum makes of the pairs. */
export interface CurriculumPlan {
  /** In the order of training. */
  readonly stages: readonly CurriculumStage[];
  /** Needed by stages with `steps`. */
  readonly next?: NextPairs;
  readonly promote?: Promote;
}

/**
 * Decides which pairs come when: a pure function of its arguments.
 *
 * @throws UserError when the pairs do not allow it.
 */
export type Curriculum = (pairs: readonly CurriculumPair[], run: CurriculumRun) => CurriculumPlan;
