import { z } from "zod";
import { UserError } from "../../errors.js";
import { meanOfKnown } from "../../step-figures/figure.js";
import type { Promote } from "../curriculum.js";
import { shuffled } from "../shuffle.js";

export const heldOutSettings = z.strictObject({
  on: z.literal("held-out").describe("A stage ends when its held-out pairs are told apart."),
  accuracy: z
    .number()
    .gt(0)
    .max(1)
    .default(0.9)
    .describe("Share of the held-out pairs with a positive margin, mean over the margins, that ends the stage."),
  every: z.int().min(1).default(20).describe("Optimiser steps from one evaluation of the held-out pairs to the next."),
  share: z.number().gt(0).lt(1).default(0.05).describe("Share of a stage's pairs that is held out; at least one pair."),
});

/**
 * Ends a stage when the policy tells its held-out pairs apart well enough. They are scored every `every` steps of the
 * stage; the last stage holds out none and is left to its plan.
 *
 * Source: ours.
 */
export function heldOut({ accuracy, every }: z.output<typeof heldOutSettings>): Promote {
  return (report, { stage, stages, plannedSteps }) => {
    if (stage + 1 >= stages) return null;
    const reached = meanOfKnown(Object.values(report.heldOut?.accuracies ?? {}));
    if (reached >= accuracy) {
      const pairs = `${report.heldOut?.pairs ?? 0} held-out pairs`;
      return { endStage: true, reason: `accuracy ${reached.toFixed(4)} on ${pairs}, expected ${accuracy}` };
    }
    const next = report.stepInStage + 1;
    if (next % every !== 0 || next >= plannedSteps) return null;
    return { evaluateHeldOut: true, reason: `held-out pairs every ${every} steps` };
  };
}

/** Distinguishes this sample from the shuffles of a stage's epochs. */
const heldOutDraw = 0xfffffffd;

/**
 * Samples the rows of a stage that are scored and never trained on.
 *
 * @param rows - Of the stage.
 * @param share - Above 0, below 1; the number is rounded, one at least, and one row at least is trained on.
 * @param seed - The run's seed.
 * @param stage - Index of the stage.
 * @throws UserError when the stage has a single row.
 */
export function holdOut(
  rows: Uint32Array,
  share: number,
  seed: number,
  stage: number,
): { heldOut: Uint32Array; trained: Uint32Array } {
  if (rows.length < 2) {
    throw new UserError(
      `curriculum.promotion.share: found a stage of ${rows.length} pair, expected two or more: hold-out needs one to train on`,
    );
  }
  const count = Math.min(Math.max(1, Math.round(share * rows.length)), rows.length - 1);
  const chosen = new Set(shuffled(rows, seed, stage, heldOutDraw).slice(0, count));
  return { heldOut: rows.filter((row) => chosen.has(row)), trained: rows.filter((row) => !chosen.has(row)) };
}
