import { UserError } from "../errors.js";

/**
 * Checks how many scenes or pairs are asked for.
 * @param request - `count` from 1 to `most`, and the `seed`, if one is chosen, from 0.
 * @throws UserError that names the number at fault.
 */
export function checkCountAndSeed(request: { count: number; most?: number; seed?: number }): void {
  const { count, most = Number.MAX_SAFE_INTEGER, seed = 0 } = request;
  if (!Number.isSafeInteger(count) || count < 1 || count > most) {
    const limit = most === Number.MAX_SAFE_INTEGER ? "1 or more" : `1 to ${most}`;
    throw new UserError(`count is ${count}; expected a whole number, ${limit}: give another count`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(`seed is ${seed}; expected a whole number, 0 or more: give another seed`);
  }
}
