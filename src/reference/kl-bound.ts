import { z } from "zod";
import { meanOfKnown, stepFigure } from "../step-figures/figure.js";
import { alphaSetting, withinStages } from "./moves.js";
import type { ReferencePolicy } from "./reference.js";

export const klBoundSettings = z.strictObject({
  policy: z.literal("kl-bound").describe("The reference moves when the policy has drifted too far from it."),
  bound: z.number().gt(0).describe("Drift from the reference (`kl_reference`) that moves it, nats a sequence."),
  window: z
    .int()
    .min(1)
    .default(10)
    .describe("Optimiser steps whose mean drift is compared with the bound; at least as many lie between two moves."),
  alpha: alphaSetting,
});

/**
 * The reference moves when the mean drift of the last `window` steps, all since its last move, is above `bound`; stages
 * do not move it.
 *
 * The drift is the k2 estimate of the step report, of which a batch gives a noisy value; hence the mean.
 *
 * Source: after 2D-Curri-DPO (arXiv 2504.07856), whose reference follows a bound on the KL divergence; estimate and
 * window are ours.
 */
export function klBound({ bound, window, alpha }: z.output<typeof klBoundSettings>): ReferencePolicy {
  return {
    ...withinStages("kl-bound", alpha),
    move(_, { reports, stepsSinceMove }) {
      if (Math.min(stepsSinceMove, reports.length) < window) return null;
      const drift = meanOfKnown(reports.slice(-window).map((report) => stepFigure(report, "kl")));
      if (!(drift > bound)) return null;
      return { alpha, reason: `drift of ${drift.toFixed(4)} nats over ${window} steps, above ${bound}` };
    },
  };
}
