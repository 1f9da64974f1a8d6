import type { Scores } from "../evaluation/eval-result.js";
import type { Interval } from "../numbers/statistics.js";

/** A figure of scores; null where it is undefined. */
export function figureOf({ metrics }: Scores, figure: string): number | null {
  return metrics[figure] ?? null;
}

/** A percentage with one digit; a dash where it is undefined. */
export function percent(value: number | null): string {
  return value === null ? "-" : value.toFixed(1);
}

/** An interval of percentages, with a blank before it; empty where it is undefined. */
export function percentRange(interval: Interval | null): string {
  return interval === null ? "" : ` [${percent(interval[0])}, ${percent(interval[1])}]`;
}

/** A figure with its interval. */
export function figureText(scores: Scores, figure: string): string {
  return percent(figureOf(scores, figure)) + percentRange(scores.interval[figure] ?? null);
}

/** A model's scores in one line. */
export function summaryOf(scores: Scores): string {
  const [chair, cover, accuracy] = ["chair_s", "cover", "accuracy"].map((figure) => percent(figureOf(scores, figure)));
  return `CHAIRs ${chair} %, coverage ${cover} %, yes/no ${accuracy} %`;
}
