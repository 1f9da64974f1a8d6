import { UserError } from "../errors.js";
import type { CurriculumPair, CurriculumRun } from "./curriculum.js";

const MAX_ROW = 0xffffffff;

/**
 * Checks what every curriculum is given.
 *
 * @throws UserError when there are no pairs, a row comes twice, or a number of the run is out of range.
 */
export function checkPairs(pairs: readonly CurriculumPair[], run: CurriculumRun): void {
  const { effectiveBatch, seed } = run;
  if (!Number.isInteger(effectiveBatch) || effectiveBatch < 1) {
    throw new UserError(`curriculum: effectiveBatch: found ${effectiveBatch}, expected a whole number of at least 1`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(`curriculum: seed: found ${seed}, expected a whole number of at least 0`);
  }
  if (pairs.length === 0) throw new UserError("curriculum: found no pairs, expected at least one");
  const seen = new Set<number>();
  for (const { pair } of pairs) {
    if (seen.has(pair)) throw new UserError(`curriculum: found pair ${pair} twice, expected every row once`);
    if (!Number.isInteger(pair) || pair < 0 || pair > MAX_ROW) {
      throw new UserError(`curriculum: found pair ${pair}, expected the row of a pair, 0 to ${MAX_ROW}`);
    }
    seen.add(pair);
  }
}

/**
 * Rows from easy to hard; equal difficulties go by the row.
 *
 * @param purpose - What needs it, for the error: "to cut 3 stages".
 * @throws UserError when a pair has no difficulty.
 */
export function easyToHard(pairs: readonly CurriculumPair[], purpose: string): number[] {
  const unscored = pairs.find(({ difficulty }) => difficulty === null || !Number.isFinite(difficulty));
  if (unscored !== undefined) {
    throw new UserError(
      `curriculum: pair ${unscored.pair} has no difficulty; expected one for every pair ${purpose}: score the pairs first`,
    );
  }
  return [...pairs]
    .sort((a, b) => (a.difficulty as number) - (b.difficulty as number) || a.pair - b.pair)
    .map(({ pair }) => pair);
}
