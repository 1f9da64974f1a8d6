import { mean, spearman } from "../numbers/statistics.js";
import type { QuadLogps } from "../generated/scpo/v1/pair.js";
import { DEFAULT_SIGNALS, SIGNALS, type SignalName, type SignalUse } from "./grading.js";

/** How wrong a model is about one pair, by two measures; more is worse. */
export interface PairError {
  /** Share of the four margins that are not positive, 0..1. */
  wrong_margins: number;
  /** Mean of the four margins, negated, in nats. */
  negative_margin: number;
}

/** The measures of a {@link PairError}. */
export const PAIR_ERRORS = ["wrong_margins", "negative_margin"] as const;

/** Rank correlations with a model's errors; null where undefined (one side constant). */
export interface ErrorCorrelation {
  wrong_margins: number | null;
  negative_margin: number | null;
  /** Pairs that the correlation is taken over: those that have the signal. */
  pairs: number;
}

/** How well a difficulty predicts a model's errors, and how well each of its parts does. */
export interface Agreement {
  difficulty: ErrorCorrelation;
  /** Each signal with its sign applied, over the pairs that have it. */
  signals: Record<SignalName, ErrorCorrelation>;
  /** What a score that knows only the pair's kind could do at best, cross-validated. */
  kind: ErrorCorrelation;
}

/**
 * How wrong a model is about a pair, from its log-probabilities without a reference.
 *
 * @param logps - Of the four (text, image) combinations, in nats.
 */
export function pairError(logps: QuadLogps): PairError {
  const ww = logps.chosenGivenImages;
  const lw = logps.rejectedGivenImages;
  const wl = logps.chosenGivenRejectedImages;
  const ll = logps.rejectedGivenRejectedImages;
  const margins = [ww - lw, ww - wl, ll - lw, ll - wl];
  return {
    wrong_margins: margins.filter((margin) => !(margin > 0)).length / margins.length,
    negative_margin: (lw + wl - ww - ll) / 2,
  };
}

/**
 * Measures how well difficulty, each signal and the kind of pair predict a model's errors.
 *
 * @param pairs - Difficulty, signals (null for one that does not apply), kind and the model's error by pair.
 * @param uses - Signs of the signals.
 */
export function measureAgreement(
  pairs: readonly {
    difficulty: number;
    signals: Readonly<Record<SignalName, number | null>>;
    kind: string;
    error: PairError;
  }[],
  uses: Readonly<Record<SignalName, SignalUse>> = DEFAULT_SIGNALS,
): Agreement {
  type Pair = (typeof pairs)[number];
  const correlate = (score: (pair: Pair) => number | null): ErrorCorrelation => {
    const present = pairs.flatMap((pair) => {
      const value = score(pair);
      return value === null ? [] : [{ value, error: pair.error }];
    });
    const against = (measure: keyof PairError): number | null =>
      spearman(
        present.map(({ value }) => value),
        present.map(({ error }) => error[measure]),
      );
    return {
      wrong_margins: against("wrong_margins"),
      negative_margin: against("negative_margin"),
      pairs: present.length,
    };
  };
  const signal = (name: SignalName): ErrorCorrelation =>
    correlate(({ signals }) => (signals[name] === null ? null : uses[name].sign * signals[name]));
  const kinds = pairs.map((pair) => pair.kind);
  const kindAgainst = (measure: keyof PairError): number | null =>
    kindCorrelation(
      kinds,
      pairs.map(({ error }) => error[measure]),
    );
  return {
    difficulty: correlate(({ difficulty }) => difficulty),
    signals: Object.fromEntries(SIGNALS.map((name) => [name, signal(name)])) as Record<SignalName, ErrorCorrelation>,
    kind: {
      wrong_margins: kindAgainst("wrong_margins"),
      negative_margin: kindAgainst("negative_margin"),
      pairs: pairs.length,
    },
  };
}

/**
 * Correlation of errors with the mean error of the pair's kind, in two folds: each half is scored by the means of the
 * other and the two correlations are averaged. (Pooled, the halves' chance difference would show as a false negative
 * correlation.)
 *
 * @param kinds - Kind by pair, shape (n).
 * @param errors - Error by pair, shape (n).
 * @returns -1..1; null when no half defines a correlation, as with one kind only.
 */
export function kindCorrelation(kinds: readonly string[], errors: readonly number[]): number | null {
  // Halves within each kind: every other pair of a kind goes to each fold, so both folds know every kind that has two.
  const seen = new Map<string, number>();
  const folds = kinds.map((kind) => {
    const count = seen.get(kind) ?? 0;
    seen.set(kind, count + 1);
    return count % 2;
  });
  const correlations = [0, 1].map((fold) => {
    const means = meansByKind(kinds, errors, (index) => folds[index] !== fold);
    const scored = kinds.flatMap((kind, index) => {
      const score = folds[index] === fold ? means.get(kind) : undefined;
      return score === undefined ? [] : [{ score, error: errors[index] as number }];
    });
    return spearman(
      scored.map(({ score }) => score),
      scored.map(({ error }) => error),
    );
  });
  return mean(correlations.filter((correlation) => correlation !== null));
}

function meansByKind(
  kinds: readonly string[],
  errors: readonly number[],
  use: (index: number) => boolean,
): Map<string, number> {
  const byKind = new Map<string, number[]>();
  for (const [index, kind] of kinds.entries()) {
    if (!use(index)) continue;
    const values = byKind.get(kind);
    if (values === undefined) byKind.set(kind, [errors[index] as number]);
    else values.push(errors[index] as number);
  }
  return new Map(Array.from(byKind, ([kind, values]) => [kind, mean(values) ?? 0]));
}
