/** What an answer says; other where it says neither. */
export type Said = "yes" | "no" | "other";

/**
 * Reads an answer as MME's script does: `yes` anywhere in its first four characters, else `no` in them.
 *
 * Source: MME (arXiv 2306.13394), its evaluation tool; theirs.
 *
 * @param text - A model's answer.
 * @returns What it says; "Know" says no.
 */
export function readPrefix(text: string): Said {
  const prefix = [...text.toLowerCase()].slice(0, 4).join("");
  return prefix.includes("yes") ? "yes" : prefix.includes("no") ? "no" : "other";
}

/**
 * Reads an answer by its first word.
 *
 * Source: ours; it differs from MME's only where that takes a part of a word for the word.
 *
 * @param text - A model's answer.
 */
export function readFirstWord(text: string): Said {
  const word = /\p{L}+/u.exec(text)?.[0].toLowerCase();
  return word === "yes" || word === "no" ? word : "other";
}
