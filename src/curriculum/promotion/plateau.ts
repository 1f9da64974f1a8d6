import { z } from "zod";
import { direction, stepFigure } from "../../step-figures/figure.js";
import { levelling } from "../../step-figures/levelling.js";
import type { Promote } from "../curriculum.js";

export const plateauSettings = z.strictObject({
  on: z.literal("plateau").describe("A stage ends when a figure of its steps no longer gets better."),
  figure: z
    .enum(["loss", "margin", "accuracy"])
    .default("margin")
    .describe("Figure of the step reports: the loss, the reward margin, or the share of positive margins."),
  window: z.int().min(1).default(20).describe("Optimiser steps whose mean is compared with that of as many before."),
  gain: z
    .number()
    .min(0)
    .default(0.02)
    .describe("Smallest change for the better, as a share of the mean before, that keeps the stage open."),
});

/**
 * Ends a stage when the mean of a figure over the last `window` steps is not better by more than `gain` than over the
 * `window` steps before. The last stage is left to its plan: there is nothing to be promoted to.
 *
 * Source: ours, after the patience rule of early stopping.
 */
export function plateau({ figure, window, gain }: z.output<typeof plateauSettings>): Promote {
  return (_, { stage, stages, reports }) => {
    if (stage + 1 >= stages) return null;
    const values = reports.slice(-2 * window).map((report) => stepFigure(report, figure));
    const found = levelling(values, window, direction[figure]);
    if (found === null || found.gain > gain) return null;
    const { before, last } = found;
    const means = `${figure} ${before.toFixed(4)}, then ${last.toFixed(4)} over ${window} steps each`;
    return { endStage: true, reason: `${means}: no gain of more than ${gain}` };
  };
}
