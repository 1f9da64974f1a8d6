import { checkBounds } from "../curriculum/stages.js";
import { UserError } from "../errors.js";

/** Signals that a difficulty is made of. */
export const SIGNALS = ["entropy", "image_similarity", "transport_distance", "word_proximity"] as const;
/** Name of a signal. */
export type SignalName = (typeof SIGNALS)[number];

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

/** Stages of equal size unless a number or bounds are given. */
export const DEFAULT_STAGES = 3;

/** Sign and weight by the name of a signal's column, the default signals' or your own. */
export type SignalUses = Readonly<Record<string, SignalUse>>;

/** How a difficulty is made of signals, and stages of it. */
export interface Grading {
  /** Sign and weight of each signal, by column; one of weight 0 needs no column. @default DEFAULT_SIGNALS */
  readonly uses?: SignalUses | undefined;
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
  /** Number of stages of equal size; not beside `bounds`. @default 3 */
  readonly stages?: number | undefined;
  /**
   * Difficulties at which a harder stage begins, rising, above 0 and below 1: a pair's stage is how many of them its
   * difficulty reaches.
   */
  readonly bounds?: readonly number[] | undefined;
  /**
   * Share of the pairs, the hardest, to leave out of the stages, 0 up to but not 1: among them are most that are
   * labelled wrongly. @default 0
   */
  readonly trim?: number | undefined;
}

/** A grading with every default filled in. */
export interface CheckedGrading {
  readonly uses: SignalUses;
  readonly normalise: NonNullable<Grading["normalise"]>;
  readonly missing: NonNullable<Grading["missing"]>;
  readonly stages: number;
  /** Null: stages are of equal size. */
  readonly bounds: readonly number[] | null;
  readonly trim: number;
}

/**
 * Fills in the defaults, and refuses what no file can be graded by.
 *
 * @throws UserError naming the choice that is out of range.
 */
export function checkedGrading(grading: Grading): CheckedGrading {
  const { uses = DEFAULT_SIGNALS, normalise = "ranks", missing = "skip", trim = 0 } = grading;
  const bounds = grading.bounds ?? null;
  if (bounds !== null && grading.stages !== undefined) {
    throw new UserError(`stages is ${grading.stages} and bounds are ${bounds.join(",")}, expected one of the two`);
  }
  const stages = bounds === null ? (grading.stages ?? DEFAULT_STAGES) : bounds.length + 1;
  for (const name of namesOf(uses)) {
    const weight = weightOf(uses, name);
    if (!(weight >= 0 && weight < Infinity)) {
      throw new UserError(`signal ${name}: weight is ${weight}, expected 0 or more`);
    }
  }
  if (namesOf(uses).every((name) => weightOf(uses, name) === 0)) {
    throw new UserError(`every signal of ${namesOf(uses).join(", ")} has weight 0, expected one above 0`);
  }
  if (!Number.isInteger(stages) || stages < 1) {
    throw new UserError(`stages is ${stages}, expected a whole number of at least 1`);
  }
  if (bounds !== null) checkBounds(bounds, "bounds");
  if (!(trim >= 0 && trim < 1)) throw new UserError(`trim is ${trim}, expected 0 up to but not 1`);
  if (!NORMALISATIONS.includes(normalise)) {
    throw new UserError(`normalise is "${String(normalise)}", expected one of ${NORMALISATIONS.join(", ")}`);
  }
  if (!MISSING_SIGNALS.includes(missing)) {
    throw new UserError(`missing is "${String(missing)}", expected one of ${MISSING_SIGNALS.join(", ")}`);
  }
  return { uses, normalise, missing, stages, bounds, trim };
}

/** Only the grading, from a request that holds more. */
export function gradingOf({ uses, normalise, missing, stages, bounds, trim }: Grading): Grading {
  return { uses, normalise, missing, stages, bounds, trim };
}

/** The default signals in their order, in which their terms are added up, then the others. */
export function namesOf(uses: SignalUses): string[] {
  const defaults = SIGNALS.filter((name) => Object.hasOwn(uses, name));
  return [...defaults, ...Object.keys(uses).filter((name) => !(defaults as string[]).includes(name))];
}

/** The weight of a signal of {@link namesOf}. */
export function weightOf(uses: SignalUses, name: string): number {
  return (uses[name] as SignalUse).weight;
}
