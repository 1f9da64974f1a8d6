import jstat from "jstat";
import { mean, type Interval } from "../numbers/statistics.js";

/** What an interval over seeds and scenes is made from; null where a value is undefined, which is left out. */
export interface SeedMeasurement {
  /** The figure of all seeds together. */
  value: number | null;
  /** The figure of each seed; one value where there are no seeds, as of a model that was not trained. */
  bySeed: readonly (number | null)[];
  /** The figure of all seeds together on every resample of scenes. */
  draws: readonly (number | null)[];
  /** Scenes in one resample. */
  scenes: number;
}

/**
 * 95 % t interval of a figure for other seeds and other scenes. Two parts of its variance are added: that of the mean
 * over seeds, and that over resampled scenes; the degrees of freedom are Satterthwaite's. What varies with both a seed
 * and a scene is in both parts, so the interval is rather too wide than too narrow.
 *
 * @returns The interval around the value, or null where it is undefined.
 *
 * Source: Satterthwaite, Biometrics Bulletin 2 (1946), 110-114.
 */
export function seedInterval({ value, bySeed, draws, scenes }: SeedMeasurement): Interval | null {
  const seeds = bySeed.filter((each) => each !== null);
  const drawn = draws.filter((each) => each !== null);
  if (value === null || seeds.length === 0 || drawn.length < 2) return null;
  const parts = [{ variance: variance(drawn), freedom: scenes - 1 }];
  if (seeds.length > 1) parts.push({ variance: variance(seeds) / seeds.length, freedom: seeds.length - 1 });
  const total = parts.reduce((sum, part) => sum + part.variance, 0);
  if (total === 0) return [value, value];
  const freedom = total ** 2 / parts.reduce((sum, part) => sum + part.variance ** 2 / part.freedom, 0);
  const half = jstat.studentt.inv(0.975, freedom) * Math.sqrt(total);
  return [value - half, value + half];
}

/** Unbiased variance of at least two values. */
function variance(values: readonly number[]): number {
  const middle = mean(values) as number;
  return values.reduce((sum, each) => sum + (each - middle) ** 2, 0) / (values.length - 1);
}
