import { figureOf, type Figure, type SceneScores } from "../evaluation/scene-scores.js";
import type { Interval } from "../numbers/statistics.js";

/** A share in percent with one digit; a dash where it is undefined. */
export function percent(share: number | null): string {
  return share === null ? "-" : (100 * share).toFixed(1);
}

/** An interval of shares in percent, with a blank before it; empty where it is undefined. */
export function percentRange(interval: Interval | null): string {
  return interval === null ? "" : ` [${percent(interval[0])}, ${percent(interval[1])}]`;
}

/** A figure in percent with its interval. */
export function figureText(scores: SceneScores, figure: Figure): string {
  return percent(figureOf(scores, figure)) + percentRange(figureOf(scores.interval, figure));
}

/** A model's scores in one line. */
export function summaryOf(scores: SceneScores): string {
  const { chair_s, cover, yes_no } = scores;
  return `CHAIRs ${percent(chair_s)} %, coverage ${percent(cover)} %, yes/no ${percent(yes_no.accuracy)} %`;
}
