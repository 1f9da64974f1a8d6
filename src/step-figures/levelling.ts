import { meanOfKnown } from "./figure.js";

/** A figure over two neighbouring stretches of steps. */
export interface Levelling {
  /** Mean over the last `window` steps. */
  readonly last: number;
  /** Mean over the `window` steps before. */
  readonly before: number;
  /** Change for the better from one to the other, as a share of the size of the former; negative for the worse. */
  readonly gain: number;
}

/**
 * Compares the last `window` values of a figure with the `window` before them.
 *
 * @param values - One a step, oldest first.
 * @param direction - 1 when larger is better, -1 when smaller is.
 * @returns null while there are fewer than two windows, or when a window holds no finite value.
 */
export function levelling(values: readonly number[], window: number, direction: 1 | -1): Levelling | null {
  if (values.length < 2 * window) return null;
  const last = meanOfKnown(values.slice(-window));
  const before = meanOfKnown(values.slice(-2 * window, -window));
  if (Number.isNaN(last) || Number.isNaN(before)) return null;
  const change = direction * (last - before);
  return { last, before, gain: change === 0 ? 0 : change / Math.abs(before) };
}
