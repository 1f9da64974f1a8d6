import { UserError } from "../errors.js";
import { averageRanks } from "../numbers/statistics.js";

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
 * The default signals: three that the paper names, and word proximity, which is ours. An uncertain model, similar images
 * and similar words are hard, images that differ much are easy. Signs and weights are our reconstruction; the paper's are
 * not public.
 */
export const DEFAULT_SIGNALS: Readonly<Record<SignalName, SignalUse>> = {
  entropy: { sign: 1, weight: 1 },
  image_similarity: { sign: 1, weight: 1 },
  transport_distance: { sign: -1, weight: 1 },
  word_proximity: { sign: 1, weight: 1 },
};

/** How the values of a signal become numbers from 0 to 1 that can be averaged. */
export const NORMALISATIONS = ["ranks", "min-max"] as const;
/** What a signal counts that a pair has not. */
export const MISSING_SIGNALS = ["skip", "middle", "require"] as const;

/** How signals are brought together. */
export interface Combination {
  /**
   * `ranks`: each signal by its rank over the pairs that have it, and the mean by its rank again; `min-max`: each signal
   * from its least value, 0, to its greatest, 1, and the mean as it is. @default "ranks"
   */
  readonly normalise?: (typeof NORMALISATIONS)[number] | undefined;
  /**
   * `skip`: the mean is over the signals that a pair has; `middle`: one that others have and it has not counts 0.5; `require`: a pair
   * needs every signal that counts. A pair that has none gets no difficulty in any case. @default "skip"
   */
  readonly missing?: (typeof MISSING_SIGNALS)[number] | undefined;
}

/**
 * Grades pairs: normalises each signal over the pairs that have it, averages by weight over the signals that a pair has,
 * and ranks the result. A missing signal is missing, not zero.
 *
 * @param pairs - Signals by pair, shape (n).
 * @param uses - Sign and weight of each signal.
 * @param combination - Other ways of normalising, and of taking a missing signal.
 * @returns Difficulty by pair, 0 (easiest) to 1 (hardest), shape (n); equal pairs get the same.
 * @throws UserError when a weight is negative, a signal is not finite or a pair has not the signals that it needs.
 */
export function gradePairs(
  pairs: readonly PairSignals[],
  uses: Readonly<Record<SignalName, SignalUse>> = DEFAULT_SIGNALS,
  { normalise = "ranks", missing = "skip" }: Combination = {},
): number[] {
  const sums = new Float64Array(pairs.length);
  const weights = new Float64Array(pairs.length);
  const found = new Uint8Array(pairs.length);
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
    const normalised = normalise === "ranks" ? normalisedRanks(values) : minMax(values, name);
    const terms = new Array<number | undefined>(pairs.length).fill(
      missing === "middle" && present.length > 0 ? 0.5 : undefined,
    );
    for (const [at, index] of present.entries()) {
      terms[index] = normalised[at];
      found[index] = 1;
    }
    for (const [index, term] of terms.entries()) {
      if (term === undefined) {
        if (missing === "require") throw new UserError(`pair ${index}: signal ${name} is missing, expected a value`);
        continue;
      }
      sums[index] = (sums[index] as number) + weight * term;
      weights[index] = (weights[index] as number) + weight;
    }
  }
  const means = Array.from(sums, (sum, index) => {
    if (found[index] === 0) {
      throw new UserError(`pair ${index}: no signal of ${SIGNALS.join(", ")} has a value and a weight above 0`);
    }
    // Equal means can differ in the last bit; they must stay ties.
    return Math.round((sum / (weights[index] as number)) * 1e12);
  });
  return normalise === "ranks" ? normalisedRanks(means) : means.map((mean) => mean / 1e12);
}

/** Values from the least, 0, to the greatest, 1; all equal, they give 0.5. */
function minMax(values: readonly number[], name: string): number[] {
  const [least, most] = values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [
    Infinity,
    -Infinity,
  ] as [number, number]);
  const range = most - least;
  if (range === Infinity) throw tooWide(name);
  return values.map((value) => (range === 0 ? 0.5 : (value - least) / range));
}

/** The error for a signal whose least and greatest value are further apart than a number can hold. */
export function tooWide(name: string): UserError {
  return new UserError(`signal ${name}: its values are too far apart for min-max; normalise by ranks`);
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
