import type { YesNo } from "../yes-no.js";

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
