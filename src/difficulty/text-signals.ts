import { wordsOf } from "../pairs/checking/word-difference.js";

/**
 * Words that have to be put in, taken out or replaced to make one text of the other (Levenshtein), as a share of the
 * longer text's words: 0 for equal words, 1 for nothing in common.
 *
 * @returns 0 for two texts without words.
 */
export function wordEditDistance(chosen: string, rejected: string): number {
  const [one, other] = [wordsOf(chosen), wordsOf(rejected)];
  const longest = Math.max(one.length, other.length);
  if (longest === 0) return 0;
  let before = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [row, word] of one.entries()) {
    const now = [row + 1];
    for (let at = 1; at <= other.length; at += 1) {
      const replaced = (before[at - 1] as number) + (word === other[at - 1] ? 0 : 1);
      now.push(Math.min(replaced, (before[at] as number) + 1, (now[at - 1] as number) + 1));
    }
    before = now;
  }
  return (before[other.length] as number) / longest;
}
