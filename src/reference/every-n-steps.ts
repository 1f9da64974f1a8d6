import { z } from "zod";
import { alphaSetting, withinStages } from "./moves.js";
import type { ReferencePolicy } from "./reference.js";

export const everyNStepsSettings = z.strictObject({
  policy: z.literal("every-n-steps").describe("The reference moves after every n-th optimiser step."),
  steps: z.int().min(1).describe("Optimiser steps between two moves, counted over the whole run."),
  alpha: alphaSetting,
});

/**
 * The reference moves after every n-th optimiser step of the run, hard or softly; stages do not move it.
 *
 * Source: TR-DPO (arXiv 2404.09656), hard and soft update.
 */
export function everyNSteps({ steps, alpha }: z.output<typeof everyNStepsSettings>): ReferencePolicy {
  const reason = steps === 1 ? "every step" : `every ${steps} steps`;
  return {
    ...withinStages("every-n-steps", alpha),
    move: (report) => (report.step % steps === 0 ? { alpha, reason } : null),
  };
}
