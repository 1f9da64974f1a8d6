import type { Kind, NaturalItem } from "./items.js";

/** Words of the two answers by kind of question. */
const WORDS: Readonly<Record<Kind, readonly [first: RegExp, second: RegExp]>> = {
  yes_no: [/\byes\b/iu, /\bno\b/iu],
  multiple_choice: [/\ba\b/iu, /\bb\b/iu],
};

/**
 * Reads an answer as the official script does: whichever of yes and no, or A and B, stands first as a word.
 *
 * @returns Whether it is yes or A, null where it is neither.
 */
export function strictAnswer(kind: Kind, answer: string): boolean | null {
  // Python's \b counts letters of all scripts as parts of a word, JavaScript's only those of English.
  const positions = WORDS[kind].map((word) => wordPosition(answer, word));
  const [first, second] = positions as [number, number];
  if (first === -1 && second === -1) return null;
  if (first === -1 || second === -1) return second === -1;
  return first < second;
}

/**
 * Reads an answer so that the article "a" is not taken for option A.
 *
 * @param item - The question, whose text holds the options.
 * @param answer - The model's.
 * @returns Whether it is yes or A, null where it is neither.
 */
export function clearAnswer({ kind, prompt }: NaturalItem, answer: string): boolean | null {
  if (kind === "yes_no") return strictAnswer(kind, answer);
  const letter =
    /^\W*([ab])\W*$/i.exec(answer)?.[1] ??
    /(?:^|[\s(["'*])([ab])(?:[).:,\]"'*]|\s*$)/i.exec(answer)?.[1] ??
    /\b(?:answer|option|choice)(?: is)?:? ([ab])\b/i.exec(answer)?.[1];
  if (letter !== undefined) return letter.toLowerCase() === "a";
  const named = optionsOf(prompt).map((option) => option !== "" && answer.toLowerCase().includes(option));
  if (named[0] !== named[1]) return named[0] as boolean;
  // What is left is a capital letter by itself; before a word in small letters A is the article.
  const capital = /\b(A(?! \p{Ll})|B)\b/u.exec(answer)?.[1];
  return capital === undefined ? null : capital === "A";
}

/** What the options say, in lower case; the benchmark writes "Option: A:Knit cap; B:Helmet;". */
function optionsOf(prompt: string): [string, string] {
  const options = /\bA:(.*?);\s*B:(.*?);/s.exec(prompt);
  return [(options?.[1] ?? "").trim().toLowerCase(), (options?.[2] ?? "").trim().toLowerCase()];
}

function wordPosition(text: string, word: RegExp): number {
  const pattern = new RegExp(
    word.source.replace(/^\\b/, "(?<![\\p{L}\\p{N}_])").replace(/\\b$/, "(?![\\p{L}\\p{N}_])"),
    "iu",
  );
  return pattern.exec(text)?.index ?? -1;
}
