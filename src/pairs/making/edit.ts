import { articleFor } from "../../english/article.js";
import type { Caption } from "./caption.js";

/** Tokens of a caption that give way to other words; an empty range puts words before its token. */
export interface Edit {
  readonly from: number;
  /** Behind the last token. */
  readonly to: number;
  /** Empty: the tokens go, with the blank before them. */
  readonly words: string;
}

/**
 * Writes a caption with some of its words replaced: "a" becomes "an" where the next word asks for it, capitals stay
 * where sentences begin.
 *
 * @param caption - As it was read.
 * @param edits - They do not overlap.
 */
export function rewritten({ text, tokens }: Caption, edits: readonly Edit[]): string {
  const ordered = [...edits].sort((one, other) => one.from - other.from);
  let written = "";
  let at = 0;
  for (const { from, to, words } of ordered) {
    const first = tokens[from];
    const start = first?.start ?? text.length;
    const end = to > from ? (tokens[to - 1]?.end ?? text.length) : start;
    written += text.slice(at, start);
    const capital = first?.first === true && to > from && /^\p{Lu}/u.test(first.text);
    const put = capital ? words.charAt(0).toUpperCase() + words.slice(1) : words;
    if (put === "") {
      written = written.trimEnd();
    } else {
      written = withArticle(written, put) + put;
      if (to === from) written += " ";
    }
    at = end;
  }
  return written + text.slice(at);
}

function withArticle(before: string, next: string): string {
  return before.replace(/(?<![\p{L}\p{N}'-])(an?)(\s+)$/iu, (whole, article: string, blank: string) => {
    const right = articleFor(next);
    if (article.toLowerCase() === right) return whole;
    const written = /^A[Nn]?$/.test(article) ? right.charAt(0).toUpperCase() + right.slice(1) : right;
    return written + blank;
  });
}
