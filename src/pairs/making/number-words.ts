const WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");

/** Value of a number word or of digits; undefined for anything else. */
export function numberOf(word: string): number | undefined {
  const at = WORDS.indexOf(word);
  if (at > 0) return at;
  return /^[1-9]\d?$/.test(word) ? Number(word) : undefined;
}

/**
 * A number in the way of another: as a word, or in digits.
 *
 * @param value - 1 or more.
 * @param like - The number that it stands for.
 */
export function numberLike(value: number, like: string): string {
  const word = WORDS[value];
  return /^\d/.test(like) || word === undefined ? String(value) : word;
}
