import { UserError } from "../errors.js";
import { averageRanks } from "../evaluation/statistics.js";

/** Signals that a difficulty is made of. */
export const SIGNALS = ["entropy", "image_similarity", "transport_distance", "word_proximity"] as const;
/** Name of a signal. */
export type SignalName = (typeof SIGNALS)[number];

/** Signals of one pair; one that does not apply is left out. */
export type PairSignals = { [name in SignalName]?: number | undefined };

/** How a signal counts. */
export interface SignalUse {
  /** 1: more of it is harder; -1: less of it is harder. */
  sign: 1 | -1;
  /** Weight in the mean, 0 or more; 0 leaves the signal out. */
  weight: number;
}

/**
 * Uses of the signals that the method names: an uncertain model, similar images and similar words are hard, images
 * that differ much are easy. Signs and weights are our reconstruction; the paper's are not public.
 */
export const DEFAULT_SIGNALS: Readonly<Record<SignalName, SignalUse>> = {
  entropy: { sign: 1, weight: 1 },
  image_similarity: { sign: 1, weight: 1 },
  transport_distance: { sign: -1, weight: 1 },
  word_proximity: { sign: 1, weight: 1 },
};

/**
 * Grades pairs: rank-normalises each signal over the pairs that have it, averages by weight over the signals that a
 * pair has, and rank-normalises the result. A missing signal is missing, not zero.
 *
 * @param pairs - Signals by pair, shape (n).
 * @param uses - Sign and weight of each signal.
 * @returns Difficulty by pair, 0 (easiest) to 1 (hardest), shape (n); equal pairs share the mean of their ranks.
 * @throws UserError when a weight is negative, a signal is not finite or a pair has no signal that counts.
 */
export function gradePairs(
  pairs: readonly PairSignals[],
  uses: Readonly<Record<SignalName, SignalUse>> = DEFAULT_SIGNALS,
): number[] {
  const sums = new Float64Array(pairs.length);
  const weights = new Float64Array(pairs.length);
  for (const name of SIGNALS) {
    const { sign, weight } = uses[name];
    if (!(weight >= 0 && weight < Infinity)) {
      throw new UserError(`signal ${name}: weight is ${weight}, expected 0 or more`);
    }
    if (weight === 0) continue;
    const present = pairs.flatMap((pair, index) => (pair[name] === undefined ? [] : [index]));
    const values = present.map((index) => {
      const value = (pairs[index] as PairSignals)[name] as number;
      if (!Number.isFinite(value)) {
        throw new UserError(`pair ${index}: signal ${name} is ${value}, expected a finite number or no value`);
      }
      return sign * value;
    });
    for (const [at, rank] of normalisedRanks(values).entries()) {
      const index = present[at] as number;
      sums[index] = (sums[index] as number) + weight * rank;
      weights[index] = (weights[index] as number) + weight;
    }
  }
  const means = Array.from(sums, (sum, index) => {
    const weight = weights[index] as number;
    if (weight === 0) {
      throw new UserError(`pair ${index}: no signal of ${SIGNALS.join(", ")} has a value and a weight above 0`);
    }
    // Equal means can differ in the last bit; they must stay ties.
    return Math.round((sum / weight) * 1e12);
  });
  return normalisedRanks(means);
}

/**
 * Average ranks scaled to 0..1; a single value, or values all equal, give 0.5.
 *
 * @param values - Finite numbers, shape (n).
 * @returns Shape (n).
 */
function normalisedRanks(values: readonly number[]): number[] {
  return averageRanks(values).map((rank) => (values.length === 1 ? 0.5 : (rank - 1) / (values.length - 1)));
}
