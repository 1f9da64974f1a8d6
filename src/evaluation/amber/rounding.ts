import type { Mode } from "../benchmark.js";

/** What the official script adds to every denominator, so that none is 0. */
const ADDED = 0.001;

/**
 * Rounds to one digit as Python does: the nearest, of two equally near the even one.
 *
 * @param value - Finite.
 */
export function roundToTenth(value: number): number {
  // Halves of a tenth are exact only at quarters, and toFixed takes the larger of two equally near.
  const quarter = value * 4;
  if (Number.isInteger(quarter) && quarter % 2 !== 0) return (2 * Math.round((value * 10) / 2)) / 10;
  return Number(value.toFixed(1));
}

/**
 * A share as AMBER's script prints it.
 *
 * @param part - Count.
 * @param whole - Count that it is a part of.
 * @param mode - Strict adds 0.001 to the whole and rounds to one digit.
 * @param change - Applied to the percentage before it is rounded.
 * @returns A percentage, or null when the whole is 0.
 */
export function officialPercentage(
  part: number,
  whole: number,
  mode: Mode,
  change: (percentage: number) => number = (percentage) => percentage,
): number | null {
  if (whole === 0) return null;
  return mode === "strict" ? roundToTenth(change((part / (whole + ADDED)) * 100)) : change((100 * part) / whole);
}
