import type { Metric } from "../benchmark.js";
import type { Totals } from "../tally-sheet.js";

const SHARES = [
  ["chair_s", "responses with a hallucinated object, of those that name any", "lower", "hallucinating", "naming"],
  ["chair_i", "named objects that are hallucinated", "lower", "hallucinated", "mentions"],
  ["chair_s_all", "responses with a hallucinated object, of all", "lower", "hallucinating", "n"],
  ["recall", "objects in the image that are named", "higher", "found", "objects"],
] as const;

/** All figures of Object HalBench. */
export const METRICS: readonly Metric[] = [
  ...SHARES.map(([name, title, better]): Metric => ({ name, title, better, digits: 2 })),
  { name: "words", title: "mean length in words", better: "neither", digits: 2 },
];

/** Figures from the sums of tallies. */
export function figuresOf(totals: Totals): Record<string, number | null> {
  const ratio = (part: string, whole: string, unit: number): number | null => {
    const all = totals[whole] ?? 0;
    return all === 0 ? null : (unit * (totals[part] ?? 0)) / all;
  };
  const shares = SHARES.map(([name, , , part, whole]) => [name, ratio(part, whole, 100)]);
  return { ...Object.fromEntries(shares), words: ratio("words", "n", 1) } as Record<string, number | null>;
}
