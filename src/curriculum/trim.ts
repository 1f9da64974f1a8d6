import { z } from "zod";
import type { CurriculumPair } from "./curriculum.js";
import { easyToHard } from "./pairs.js";

/** Share of the pairs that every curriculum can leave out. */
export const trimSetting = z
  .number()
  .min(0)
  .lt(1)
  .default(0)
  .describe("Share of the pairs, the hardest by difficulty, that are never used; from 0, below 1.");

/**
 * Leaves out the hardest share of the pairs, where those that are wrong and those that are hard look alike.
 *
 * Source: ours, after the remark that a margin cannot distinguish hard pairs from mislabelled ones.
 *
 * @param share - Share of the pairs to leave out, from 0, below 1; the number of pairs left out is rounded down.
 * @returns The others, in their order.
 * @throws UserError when a pair has no difficulty.
 */
export function trimmed(pairs: readonly CurriculumPair[], share: number): readonly CurriculumPair[] {
  if (share === 0) return pairs;
  const count = Math.floor(share * pairs.length);
  const left = new Set(easyToHard(pairs, "to trim the hardest").slice(0, pairs.length - count));
  return pairs.filter(({ pair }) => left.has(pair));
}
