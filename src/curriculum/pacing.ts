import { z } from "zod";
import { UserError } from "../errors.js";

/** Settings of curricula that open the pairs little by little. */
export const pacingSettings = {
  start: z.number().gt(0).max(1).default(0.01).describe("Share of the pairs that is open at the first step."),
  power: z
    .number()
    .min(1)
    .default(2)
    .describe("Root by which the open share grows: 1 is linear, 2 the square root, and so on."),
  length: z
    .number()
    .gt(0)
    .max(1)
    .default(0.8)
    .describe("Share of the run's steps after which all pairs are open, above 0, at most 1."),
  epochs: z.int().min(1).default(1).describe("Optimiser steps of the run, counted in passes over the pairs."),
  stages: z
    .int()
    .min(1)
    .default(1)
    .describe("Stages of equal length into which the steps are cut; the learning rate restarts in each."),
};

/**
 * The share of the pairs that is open.
 *
 * Source: Platanios et al. 2019 (arXiv 1903.09848): c(t) = min(1, (t (1 - c0^p) / T + c0^p)^(1/p)), their linear
 * competence with p = 1, their square root with p = 2.
 *
 * @param time - t / T, from 0.
 * @param start - c0, the share at the beginning.
 * @param power - p, at least 1.
 */
export function competence(time: number, start: number, power: number): number {
  const first = start ** power;
  return Math.min(1, (time * (1 - first) + first) ** (1 / power));
}

/** The steps of a paced run, and how many pairs are open at each. */
export interface Pace {
  /** Optimiser steps of each stage. */
  readonly steps: readonly number[];
  /** Pairs that are open at a step of the run, counted from 0; never fewer than a batch, if there are as many. */
  readonly open: (step: number) => number;
}

/**
 * Lays out the steps of a paced run.
 *
 * @param pairs - Number of pairs.
 * @param batch - Pairs per optimiser step.
 * @throws UserError when there are fewer steps than stages.
 */
export function pace(
  settings: { start: number; power: number; length: number; epochs: number; stages: number },
  pairs: number,
  batch: number,
): Pace {
  const { start, power, length, epochs, stages } = settings;
  const total = Math.ceil((epochs * pairs) / batch);
  if (total < stages) {
    throw new UserError(
      `curriculum.stages: found ${stages} stages for ${total} optimiser steps, expected one or more a stage`,
    );
  }
  const last = Math.max(1, length * total);
  return {
    steps: Array.from({ length: stages }, (_, stage) => share(stage + 1) - share(stage)),
    open: (step) => {
      // The share times the pairs is a whole number where it should be, but for rounding.
      const count = Math.floor(competence(step / last, start, power) * pairs + 1e-9);
      return Math.min(pairs, Math.max(batch, count));
    },
  };

  function share(stage: number): number {
    return Math.floor((stage * total) / stages);
  }
}
