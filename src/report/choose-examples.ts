import type { PairRecord } from "../generated/scpo/v1/telemetry.js";

/**
 * Chooses the scenes to show, by a rule that nobody can pick cherries with: the first of the file, and those with the
 * most absent mentions plus missed objects among the others, earlier scenes first where equal.
 *
 * @param mistakes - Of the model after training, for each scene in the file's order.
 * @param counts - How many of each. @default 12 first, 6 worst
 * @returns Indices of scenes.
 */
export function chooseScenes(
  mistakes: readonly number[],
  counts: { first: number; worst: number } = { first: 12, worst: 6 },
): { first: number[]; worst: number[] } {
  const scenes = mistakes.map((_, scene) => scene);
  const of = (scene: number) => mistakes[scene] as number;
  const worst = scenes
    .slice(counts.first)
    .filter((scene) => of(scene) > 0)
    .sort((a, b) => of(b) - of(a) || a - b);
  return { first: scenes.slice(0, counts.first), worst: worst.slice(0, counts.worst) };
}

/**
 * Chooses the pairs with the worst margins: the smaller of textual and visual margin, as recorded the last time that
 * the pair was trained on.
 *
 * @param records - In the order of training.
 * @param count - How many at most. @default 12
 * @returns The pairs' last records, worst first; the lower row first where equal.
 */
export function chooseWorstPairs(records: readonly PairRecord[], count = 12): PairRecord[] {
  const last = new Map(records.map((record) => [record.pair, record]));
  return Array.from(last.values())
    .sort((a, b) => worstMargin(a) - worstMargin(b) || a.pair - b.pair)
    .slice(0, count);
}

/** The smaller of textual and visual margin. */
export function worstMargin(margins: { textualMargin: number; visualMargin: number }): number {
  return Math.min(margins.textualMargin, margins.visualMargin);
}
