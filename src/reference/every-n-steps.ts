import { UserError } from "../errors.js";
import type { ReferencePolicy } from "./reference.js";

export interface EveryNStepsOptions {
  /** Optimiser steps between two moves, counted over the whole run. */
  readonly steps: number;
  /** Share of the policy in the new reference, above 0; 1 (default) moves it hard, less moves it softly. */
  readonly alpha?: number;
}

/**
 * The reference moves after every n-th optimiser step of the run, hard or softly; stages do not move it.
 *
 * Source: TR-DPO (arXiv 2404.09656), hard and soft update.
 *
 * @throws UserError when steps or alpha are out of range.
 */
export function everyNSteps(options: EveryNStepsOptions): ReferencePolicy {
  const { steps, alpha = 1 } = options;
  if (!Number.isInteger(steps) || steps < 1) {
    throw new UserError(`reference.steps: found ${steps}, expected a whole number of at least 1`);
  }
  if (!(alpha > 0 && alpha <= 1)) {
    throw new UserError(`reference.alpha: found ${alpha}, expected a number above 0 and at most 1`);
  }
  const reason = steps === 1 ? "every step" : `every ${steps} steps`;
  return {
    name: "every-n-steps",
    soft: alpha < 1,
    atOpen: (stage) => (stage === 0 ? "policy" : "keep"),
    move: (report) => (report.step % steps === 0 ? { alpha, reason } : null),
  };
}
