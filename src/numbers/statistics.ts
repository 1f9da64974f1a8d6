/** Lower and upper end of an interval, in the unit of the figure it belongs to. */
export type Interval = [low: number, high: number];

/**
 * Arithmetic mean.
 *
 * @returns The mean, or null for no values.
 */
export function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/**
 * Quantile with linear interpolation between order statistics (type 7 of Hyndman and Fan, NumPy's default).
 *
 * @param values - In any order; not changed.
 * @param share - 0 gives the smallest value, 1 the largest.
 * @returns The quantile, or null for no values.
 * @throws RangeError when `share` is outside 0..1.
 */
export function quantile(values: readonly number[], share: number): number | null {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share is ${share}, expected 0..1`);
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return null;
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/**
 * Ranks from 1, where equal values share the mean of the ranks that they take together.
 *
 * @param values - Finite numbers, shape (n).
 * @returns Ranks in the order of `values`, shape (n).
 */
export function averageRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Array<number>(values.length);
  for (let first = 0; first < order.length;) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1] as number] === values[order[first] as number]) last++;
    for (let at = first; at <= last; at++) ranks[order[at] as number] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return ranks;
}

/**
 * Spearman's rank correlation with average ranks for ties.
 *
 * @param first - Finite numbers, shape (n).
 * @param second - Finite numbers, shape (n).
 * @returns -1..1, or null when it is undefined: fewer than two values, or one side constant.
 * @throws RangeError when the lengths differ.
 */
export function spearman(first: readonly number[], second: readonly number[]): number | null {
  if (first.length !== second.length) throw new RangeError(`lengths differ: ${first.length} and ${second.length}`);
  const middle = (first.length + 1) / 2;
  const a = averageRanks(first);
  const b = averageRanks(second);
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let at = 0; at < a.length; at++) {
    const da = (a[at] as number) - middle;
    const db = (b[at] as number) - middle;
    product += da * db;
    squareA += da * da;
    squareB += db * db;
  }
  if (squareA === 0 || squareB === 0) return null;
  return Math.max(-1, Math.min(1, product / Math.sqrt(squareA * squareB)));
}

/**
 * Percentile interval of a bootstrap.
 *
 * @param draws - The statistic on every resample; null where it is undefined, which is left out.
 * @param level - Share of the draws inside.
 * @returns The interval, or null when no resample defines the statistic.
 */
export function percentileInterval(draws: readonly (number | null)[], level = 0.95): Interval | null {
  const defined = draws.filter((draw) => draw !== null);
  const low = quantile(defined, (1 - level) / 2);
  const high = quantile(defined, (1 + level) / 2);
  return low === null || high === null ? null : [low, high];
}
