import { z } from "zod";
import { stepFigure } from "../step-figures/figure.js";
import { levelling } from "../step-figures/levelling.js";
import { alphaSetting, withinStages } from "./moves.js";
import type { ReferencePolicy } from "./reference.js";

export const marginSaturatedSettings = z.strictObject({
  policy: z.literal("margin-saturated").describe("The reference moves when the reward margin no longer grows."),
  window: z
    .int()
    .min(1)
    .default(20)
    .describe("Optimiser steps whose mean is compared with that of as many before, all since the last move."),
  gain: z
    .number()
    .min(0)
    .default(0.02)
    .describe("Smallest growth, as a share of the margin before, that leaves the reference where it is."),
  alpha: alphaSetting,
});

/**
 * The reference moves when the mean reward margin of the last `window` steps is not above that of the `window` steps
 * before by more than `gain`; stages do not move it.
 *
 * Source: ours: a saturated margin means gradients near 0 in every sigmoid of the loss, and a hard move, which sets the
 * margins to 0, makes them large again.
 */
export function marginSaturated({ window, gain, alpha }: z.output<typeof marginSaturatedSettings>): ReferencePolicy {
  return {
    ...withinStages("margin-saturated", alpha),
    move(_, { reports, stepsSinceMove }) {
      if (stepsSinceMove < 2 * window) return null;
      const values = reports.slice(-2 * window).map((report) => stepFigure(report, "margin"));
      const found = levelling(values, window, 1);
      if (found === null || found.gain > gain) return null;
      const means = `margin ${found.before.toFixed(4)}, then ${found.last.toFixed(4)} over ${window} steps each`;
      return { alpha, reason: `${means}: no growth of more than ${gain}` };
    },
  };
}
