import type { SignalUses } from "../difficulty/grade-file.js";
import { UserError } from "../errors.js";

/**
 * Reads which columns make the difficulty, as the command line gives them: `entropy=1`, `transport_distance=-0.5`.
 *
 * @param texts - Each use of the option; below 0: more of it is easier.
 * @returns Sign and weight by column; undefined where nothing is said.
 * @throws UserError for what is no column and weight, or names a column twice.
 */
export function useOption(texts: readonly string[]): SignalUses | undefined {
  if (texts.length === 0) return undefined;
  const uses = new Map<string, { sign: 1 | -1; weight: number }>();
  for (const text of texts) {
    const [, name, value] = /^(.+)=([^=]+)$/.exec(text) ?? [];
    const weight = value === undefined || value.trim() === "" ? NaN : Number(value);
    if (name === undefined || !Number.isFinite(weight) || weight === 0) {
      throw new UserError(
        `--use: found "${text}", expected column=weight with a weight above 0, or below 0 where more of it is easier`,
      );
    }
    if (uses.has(name)) throw new UserError(`--use: names ${name} twice, expected each column once`);
    uses.set(name, { sign: weight < 0 ? -1 : 1, weight: Math.abs(weight) });
  }
  return Object.fromEntries(uses);
}

/** The difficulty in one line, as {@link useOption} reads it. */
export function usesLine(uses: SignalUses): string {
  return Object.entries(uses)
    .filter(([, { weight }]) => weight !== 0)
    .map(([name, { sign, weight }]) => `${name}=${sign * weight}`)
    .join(" ");
}
