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

/**
 * Cuts pairs into stages at bounds of difficulty.
 *
 * @param difficulties - By pair, shape (n).
 * @param bounds - Difficulties at which a harder stage begins: rising, above 0 and below 1.
 * @returns Stage by pair: how many bounds its difficulty reaches, 0 (easiest) to the number of bounds, shape (n).
 * @throws UserError when the bounds are wrong.
 */
export function stagesByBounds(difficulties: readonly number[], bounds: readonly number[]): number[] {
  checkBounds(bounds, "bounds");
  return difficulties.map((difficulty) => bounds.filter((bound) => difficulty >= bound).length);
}

/**
 * Refuses bounds that are not above 0, below 1 and rising.
 *
 * @param name - Of the setting, for the error.
 * @throws UserError
 */
export function checkBounds(bounds: readonly number[], name: string): void {
  const rising = bounds.every((bound, at) => bound > (at === 0 ? 0 : (bounds[at - 1] as number)) && bound < 1);
  if (bounds.length > 0 && rising) return;
  throw new UserError(
    `${name}: found ${bounds.join(",") || "nothing"}, expected difficulties above 0 and below 1, rising, such as 0.3,0.7`,
  );
}
