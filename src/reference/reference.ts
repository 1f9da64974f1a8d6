import type { StepReport } from "../generated/scpo/v1/trainer.js";

/** How a stage's reference starts: the policy as it is, the one in force before, or the initial model. */
export type ReferenceAtOpen = "policy" | "keep" | "initial";

/** The report's place in the run. */
export interface ReferenceState {
  /** Index of the open stage. */
  readonly stage: number;
  /** Optimiser steps that the plan gives the open stage. */
  readonly plannedSteps: number;
  /** Optimiser steps since the reference last moved; a stage that opens with "policy" counts as a move. */
  readonly stepsSinceMove: number;
  /** Reports of the open stage, the last step's last. */
  readonly reports: readonly StepReport[];
}

/** ref <- alpha * policy + (1 - alpha) * ref; alpha 1 is a hard move. */
export interface ReferenceMove {
  /** Above 0, at most 1. */
  readonly alpha: number;
  /** Told in the log. */
  readonly reason: string;
}

/** When and how the reference moves: a pure function of reports and state. */
export interface ReferencePolicy {
  readonly name: string;
  /** True when a move can be soft: the trainer must then keep the reference's weights. */
  readonly soft: boolean;
  /** False when it changes the reference only where stages open. */
  readonly moves: boolean;
  /** The reference with which a stage opens. */
  atOpen(stage: number): ReferenceAtOpen;
  /** The move after an optimiser step; null leaves the reference where it is. */
  move(report: StepReport, state: ReferenceState): ReferenceMove | null;
}
