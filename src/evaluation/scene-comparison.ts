import { FIGURE_OF_TALLY, FIGURES, resampleTallies, sumTallies, type Figure, type IntervalOf } from "./scene-scores.js";
import type { SceneTally } from "./scene-tally.js";
import { percentileInterval, type Interval, type Resamples } from "../numbers/statistics.js";

/** One figure of two models on the same scenes; null where a denominator is zero. */
export interface FigureComparison {
  base: number | null;
  other: number | null;
  /** other - base. */
  difference: number | null;
  /** 95 % interval of the difference, paired by scene. */
  difference_interval: Interval | null;
  /** (base - other) / base: 0.6 means that the other model has 60 % less. */
  relative_reduction: number | null;
  /** 95 % interval of the relative reduction, paired by scene. */
  relative_reduction_interval: Interval | null;
}

/** Two models compared on the same scenes, figure by figure. */
export type SceneComparison = Record<Figure, FigureComparison>;

const difference = (base: number | null, other: number | null): number | null =>
  base === null || other === null ? null : other - base;

const relativeReduction = (base: number | null, other: number | null): number | null =>
  base === null || other === null || base === 0 ? null : (base - other) / base;

/**
 * Compares two models on the same scenes with a paired bootstrap.
 *
 * @param base - Counts of the first model, one per scene.
 * @param other - Counts of the second model, the same scenes in the same order.
 * @param resamples - Drawn for these scenes; both models are resampled alike.
 * @param intervalOf - Makes the intervals; left out, they are percentiles of the bootstrap by scene.
 * @throws RangeError when the number of scenes differs.
 */
export function compareTallies(
  base: readonly SceneTally[],
  other: readonly SceneTally[],
  resamples: Resamples,
  intervalOf: IntervalOf<[base: SceneTally, other: SceneTally]> = (values) => percentileInterval(values),
): SceneComparison {
  if (base.length !== other.length) throw new RangeError(`scenes differ: ${base.length} and ${other.length}`);
  const sums = [sumTallies(base), sumTallies(other)] as const;
  const draws = [resampleTallies(base, resamples), resampleTallies(other, resamples)] as const;
  const compare = (figure: Figure): FigureComparison => {
    const of = FIGURE_OF_TALLY[figure];
    const measured = (by: (base: number | null, other: number | null) => number | null) => {
      const measure = (baseSum: SceneTally, otherSum: SceneTally) => by(of(baseSum), of(otherSum));
      const values = draws[0].map((draw, at) => measure(draw, draws[1][at] as SceneTally));
      return [measure(...sums), intervalOf(values, measure)] as const;
    };
    const [differs, differsInterval] = measured(difference);
    const [reduces, reducesInterval] = measured(relativeReduction);
    return {
      base: of(sums[0]),
      other: of(sums[1]),
      difference: differs,
      difference_interval: differsInterval,
      relative_reduction: reduces,
      relative_reduction_interval: reducesInterval,
    };
  };
  return Object.fromEntries(FIGURES.map((figure) => [figure, compare(figure)])) as SceneComparison;
}
