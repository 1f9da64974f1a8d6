/** What an answer says; null where it says nothing. */
export type YesNo = "yes" | "no" | null;

const NEGATIONS = new Set(["no", "not", "cannot", "none", "neither", "nope", "nothing"]);
const WORD = /\p{L}+(?:['’]\p{L}+)*/gu;

/**
 * Reads an answer as POPE's script does: yes, unless the text before the first full stop holds one of three words
 * between single blanks.
 *
 * Source: POPE (arXiv 2305.10355), its published script; theirs.
 *
 * @param text - A model's answer.
 * @returns Never null: silence counts as yes.
 */
export function readYesNoStrictly(text: string): YesNo {
  const words = (text.split(".")[0] as string).replaceAll(",", "").split(" ");
  return words.includes("No") || words.includes("not") || words.includes("no") ? "no" : "yes";
}

/**
 * Reads an answer by the first word of its first sentence that decides: "yes", or a negation in any spelling.
 *
 * Source: ours; it differs from POPE's only where that misreads.
 *
 * @param text - A model's answer.
 * @returns Yes for a sentence without such a word, as in POPE; null for an answer without words.
 */
export function readYesNoByWord(text: string): YesNo {
  for (const sentence of text.split(/[.!?]+(?=\s|$)|[\n\r]+/u)) {
    const words = sentence.toLowerCase().match(WORD);
    if (words === null) continue;
    for (const word of words) {
      if (word === "yes") return "yes";
      if (NEGATIONS.has(word) || /n['’]t$/u.test(word)) return "no";
    }
    return "yes";
  }
  return null;
}
