import { UserError } from "../errors.js";
import type { Metric, Mode } from "./benchmark.js";
import type { Bootstrap, EvalResult } from "./eval-result.js";
import { percentileInterval, type Interval } from "../numbers/statistics.js";

/** A result and what to call it. */
export interface NamedResult {
  /** For messages and tables: the file's path. */
  name: string;
  result: EvalResult;
}

/** A figure of two models on the same images; null where a denominator is 0. */
export interface Difference {
  a: number | null;
  b: number | null;
  /** b - a. */
  difference: number | null;
  /** 95 % interval of the difference by paired bootstrap. */
  interval: Interval | null;
  /** How much less b is than a, in percent of a: 60 means that it is 60 % less. */
  reduction: number | null;
  /** 95 % interval of the reduction by paired bootstrap. */
  reduction_interval: Interval | null;
}

/** A metric of two results over the same images. */
interface MetricComparison extends Metric, Difference {
  /**
   * Two-sided bootstrap p of no difference: twice the smaller share of resamples on one side of zero, one resample
   * added on either side, at most 1. Null where no resample defines the difference.
   */
  p: number | null;
}

/** Two results compared. */
export interface EvalComparison {
  benchmark: string;
  mode: Mode;
  a: string;
  b: string;
  /** Answers scored. */
  n: { a: number; b: number };
  images: number;
  resamples: number;
  metrics: MetricComparison[];
}

/**
 * Compares two results by paired bootstrap: both were resampled with the same images, so that what is hard about an
 * image cancels.
 *
 * @param a - The one that is compared with.
 * @param b - The other.
 * @returns Every metric's difference with interval and p, in the order of the result.
 * @throws UserError when they differ in anything but the answers.
 */
export function compareResults(a: NamedResult, b: NamedResult): EvalComparison {
  const [first, second] = [requireDraws(a), requireDraws(b)];
  const problem = incomparable(a.result, b.result, first, second);
  if (problem !== null) {
    throw new UserError(`${a.name} and ${b.name}: ${problem}; score both alike, then compare`);
  }
  return {
    benchmark: a.result.benchmark,
    mode: a.result.mode,
    a: a.name,
    b: b.name,
    n: { a: a.result.n, b: b.result.n },
    images: first.images,
    resamples: first.resamples,
    metrics: a.result.about.map((metric) => {
      const { name } = metric;
      const figure = ({ metrics }: EvalResult, { draws }: Bootstrap) => ({
        value: metrics[name] ?? null,
        draws: draws[name] ?? [],
      });
      const [left, right] = [figure(a.result, first), figure(b.result, second)];
      const p = twoSided(drawsOf(left.draws, right.draws, difference));
      return { ...metric, ...differenceOf(left, right), p };
    }),
  };
}

function requireDraws({ name, result }: NamedResult): Bootstrap {
  if (result.bootstrap !== undefined) return result.bootstrap;
  throw new UserError(
    `${name}: field bootstrap is missing; its figures did not come image by image and do not compare`,
  );
}

/** The first thing in which two results differ and must not. */
function incomparable(a: EvalResult, b: EvalResult, first: Bootstrap, second: Bootstrap): string | null {
  type Part = string | number | undefined;
  const differ = (what: string, left: Part, right: Part): string | null =>
    left === right ? null : `${what} is ${text(left)} in the first, ${text(right)} in the second`;
  const annotations = ({ inputs }: EvalResult): Map<string, string> =>
    new Map(Object.entries(inputs).filter(([name]) => name.startsWith("annotations/")));
  const [left, right] = [annotations(a), annotations(b)];
  const problems = [
    differ("field benchmark", a.benchmark, b.benchmark),
    differ("field mode", a.mode, b.mode),
    // The same files under other names are the same annotations.
    ...(sorted(left) === sorted(right) ? [] : union(left.keys(), right.keys())).map((name) =>
      differ(`the hash of ${name}`, left.get(name), right.get(name)),
    ),
    ...union(Object.keys(a.settings), Object.keys(b.settings)).map((name) =>
      differ(`setting ${name}`, a.settings[name], b.settings[name]),
    ),
    first.images_sha256 === second.images_sha256 ? null : "the answers are about different images",
    differ("field bootstrap.resamples", first.resamples, second.resamples),
    differ("field bootstrap.seed", first.seed, second.seed),
    differ("the list of metrics", names(a), names(b)),
  ];
  return problems.find((problem) => problem !== null) ?? null;
}

function sorted(hashes: ReadonlyMap<string, string>): string {
  return [...hashes.values()].sort().join();
}

function text(value: string | number | undefined): string {
  if (value === undefined) return "missing";
  const whole = String(value);
  return whole.length > 40 ? `${whole.slice(0, 37)}...` : whole;
}

function union(first: Iterable<string>, second: Iterable<string>): string[] {
  return [...new Set([...first, ...second])];
}

function names({ about }: EvalResult): string {
  return about.map(({ name }) => name).join(", ");
}

/** How a measure follows from the figures of two models. */
export type Measure = (a: number | null, b: number | null) => number | null;

const difference: Measure = (a, b) => (a === null || b === null ? null : b - a);
const reduction: Measure = (a, b) => (a === null || b === null || a === 0 ? null : 100 * ((a - b) / a));

/**
 * Takes the difference of a figure.
 *
 * @param a - The figure of the first model, and on every resample.
 * @param b - The same of the other; its k-th resample holds the same images.
 * @param intervalOf - Makes the interval of a measure; left out, it is percentiles of the resamples.
 */
export function differenceOf(
  a: { value: number | null; draws: readonly (number | null)[] },
  b: { value: number | null; draws: readonly (number | null)[] },
  intervalOf: (draws: readonly (number | null)[], measure: Measure) => Interval | null = (draws) =>
    percentileInterval(draws),
): Difference {
  const interval = (measure: Measure) => intervalOf(drawsOf(a.draws, b.draws, measure), measure);
  return {
    a: a.value,
    b: b.value,
    difference: difference(a.value, b.value),
    interval: interval(difference),
    reduction: reduction(a.value, b.value),
    reduction_interval: interval(reduction),
  };
}

function drawsOf(a: readonly (number | null)[], b: readonly (number | null)[], measure: Measure): (number | null)[] {
  return a.map((draw, at) => measure(draw, b[at] ?? null));
}

function twoSided(draws: readonly (number | null)[]): number | null {
  const defined = draws.filter((draw) => draw !== null);
  if (defined.length === 0) return null;
  const notAbove = defined.filter((draw) => draw <= 0).length;
  const notBelow = defined.filter((draw) => draw >= 0).length;
  return Math.min(1, (2 * (Math.min(notAbove, notBelow) + 1)) / (defined.length + 1));
}
