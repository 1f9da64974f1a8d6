import { type FileRow, shown } from "../files/rows.js";

/** What an answer says; null where it decides nothing. */
export type YesNo = "yes" | "no" | null;

const NEGATIONS = new Set(["no", "not", "cannot", "none", "neither", "nope", "nothing"]);
const WORD = /\p{L}+(?:['’]\p{L}+)*/gu;

/** Negations that are about the one who answers, and not about the image. */
const DOUBT = new RegExp(
  "(?:\\b(?:not|cannot|unable|impossible|hard|difficult)|n['’]t)(?: \\p{L}+)?(?: to)?(?: be)? " +
    "(?:sure|certain|clear|know|tell|say|determine|determined|confirm|help|assist|" +
    "(?:see|view|access|open|analy[sz]e|process) (?:(?:the|this|that|your|any) )?(?:image|picture|photo)s?)(?!\\p{L})",
  "giu",
);
const HEDGE =
  /\b(?:maybe|perhaps|possibl[ey]|might|may|could|unclear|unsure|uncertain|unknown|whether|if|unable|impossible|hard|difficult)\b/iu;
const EXISTS = /\bthere(?:['’]s| is| are)\b/iu;

/**
 * Reads an answer by the first word of its first sentence that decides: "yes", or a negation in any spelling. "There
 * is" without either says yes. What says that it cannot be told, another language and anything else decide nothing.
 *
 * Source: ours; the official scripts take answers such as "maybe" for a yes, or know only the exact words.
 *
 * @param text - A model's answer.
 */
export function readYesNoByWord(text: string): YesNo {
  for (const sentence of text.split(/[.!?]+(?=\s|$)|[\n\r]+/u)) {
    if (!/\p{L}/u.test(sentence)) continue;
    const rest = sentence.replace(DOUBT, " ");
    for (const word of rest.toLowerCase().match(WORD) ?? []) {
      if (word === "yes") return "yes";
      if (NEGATIONS.has(word) || /n['’]t$/u.test(word)) return "no";
    }
    return rest === sentence && EXISTS.test(sentence) && !HEDGE.test(sentence) ? "yes" : null;
  }
  return null;
}

/** Counts answers that an official script reads otherwise than by word: a figure of theirs may say more of full stops than of a model. */
export class ReadOtherwise {
  #count = 0;
  #first = "";

  /**
   * Notes one.
   *
   * @param row - Where it stands.
   * @param answer - As the file has it.
   */
  add(row: FileRow, answer: string): void {
    if (this.#count === 0) this.#first = `${row.counted ?? "line"} ${row.line}: ${shown(answer)}`;
    this.#count += 1;
  }

  /** What a result says of them; nothing where there are none. */
  notes(): string[] {
    if (this.#count === 0) return [];
    const answers = this.#count === 1 ? "1 answer" : `${this.#count} answers`;
    return [
      `${answers} (first ${this.#first}) the official script reads otherwise than by word, as strict mode does; ` +
        "fixed mode reads the words",
    ];
  }
}
