import { UserError } from "../errors.js";

/**
 * Cuts pairs into stages of equal size by difficulty; ties go by the pair's index, so the cut is deterministic.
 *
 * @param difficulties - By pair, shape (n).
 * @param stages - Number of stages, 1..n.
 * @returns Stage by pair, 0 (easiest) to stages - 1, shape (n); sizes differ by at most one.
 * @throws UserError when there are fewer pairs than stages.
 */
export function cutStages(difficulties: readonly number[], stages: number): number[] {
  if (!Number.isInteger(stages) || stages < 1 || stages > difficulties.length) {
    throw new UserError(
      `stages is ${stages}, expected a whole number from 1 to the number of pairs (${difficulties.length})`,
    );
  }
  const result = new Array<number>(difficulties.length);
  difficulties
    .map((_, pair) => pair)
    .sort((a, b) => (difficulties[a] as number) - (difficulties[b] as number) || a - b)
    .forEach((pair, position) => (result[pair] = Math.floor((position * stages) / difficulties.length)));
  return result;
}
