import type { Interval } from "../numbers/statistics.js";
import { type Estimate, pBelow } from "./seed-interval.js";

/** How sure a verdict has to be: the share of false verdicts over all claims together. */
export const LEVEL = 0.05;

/** What a claim says of a difference between two models, one minus the other, of a figure that had better be low. */
export interface Statement {
  /**
   * `lower`: the first has less, by more than could be called nothing. `no-higher`: the first has at most `bound` more.
   */
  readonly says: "lower" | "no-higher";
  /** A difference smaller than this is none that matters, in percent points; stated before the runs. */
  readonly bound: number;
}

/** What the measured difference says of a claim. */
export type Verdict = "supported" | "refuted" | "undecided";

/** A claim that was tested. */
export interface Judged {
  verdict: Verdict;
  difference: number | null;
  interval: Interval | null;
  /** p of the claim's null hypothesis, after Holm over all claims; null where nothing was measured. */
  p: number | null;
  /** p of a difference of `bound` or more either way, by two one-sided tests. */
  pEquivalent: number | null;
}

/** A statement, and the difference that was measured. */
export interface Tested {
  readonly statement: Statement;
  /** One minus the other, in percent points; null where it is undefined. */
  readonly estimate: Estimate | null;
  readonly interval: Interval | null;
}

/**
 * Judges claims together, so that one false verdict among all of them is as rare as {@link LEVEL} says.
 *
 * `lower` is supported where the difference is below 0 by Holm's procedure and not shown to be smaller than the bound; it
 * is refuted where it is above 0, or shown to lie within the bound on either side (two one-sided tests). `no-higher` is supported
 * where the difference is below the bound, and refuted where it is above the bound. All else is undecided.
 *
 * Source: Holm, Scandinavian Journal of Statistics 6 (1979), 65-70; Schuirmann, Journal of Pharmacokinetics and
 * Biopharmaceutics 15 (1987), 657-680.
 */
export function judge(tested: readonly Tested[]): Judged[] {
  const nulls = tested.map(({ statement, estimate }) =>
    estimate === null ? null : pBelow(estimate, zeroOf(statement)),
  );
  const opposites = tested.map(({ statement, estimate }) =>
    estimate === null ? null : 1 - pBelow(estimate, zeroOf(statement)),
  );
  const [supporting, refuting] = [holm(nulls), holm(opposites)];
  return tested.map(({ statement, estimate, interval }, at) => {
    const [p = null, opposite = null] = [supporting[at], refuting[at]];
    const pEquivalent = estimate === null ? null : equivalence(estimate, statement.bound);
    const isNone = statement.says === "lower" && pEquivalent !== null && pEquivalent < LEVEL;
    let verdict: Verdict = "undecided";
    if (isNone || (opposite !== null && opposite < LEVEL)) verdict = "refuted";
    else if (p !== null && p < LEVEL) verdict = "supported";
    return { verdict, difference: estimate?.value ?? null, interval, p, pEquivalent };
  });
}

function zeroOf({ says, bound }: Statement): number {
  return says === "lower" ? 0 : bound;
}

function equivalence(estimate: Estimate, bound: number): number {
  return Math.max(pBelow(estimate, bound), 1 - pBelow(estimate, -bound));
}

/**
 * Adjusts p values for being several, by Holm's procedure.
 *
 * @param values - p of each test; null for one that was not made, which does not count.
 * @returns In the same order, each at most 1.
 */
export function holm(values: readonly (number | null)[]): (number | null)[] {
  const made = values.flatMap((p, at) => (p === null ? [] : [{ p, at }])).sort((a, b) => a.p - b.p);
  const adjusted: (number | null)[] = values.map(() => null);
  let largest = 0;
  for (const [rank, { p, at }] of made.entries()) {
    largest = Math.max(largest, Math.min(1, (made.length - rank) * p));
    adjusted[at] = largest;
  }
  return adjusted;
}
