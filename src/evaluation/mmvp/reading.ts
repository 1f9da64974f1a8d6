import type { MmvpItem } from "./items.js";

/**
 * Reads a judge's verdict.
 *
 * @param verdict - What it said.
 * @returns Whether the first word is yes, null where it is neither yes nor no.
 */
export function firstWord(verdict: string): boolean | null {
  const word = /^\W*(yes|no)\b/i.exec(verdict)?.[1];
  return word === undefined ? null : word.toLowerCase() === "yes";
}

/**
 * Finds the option that an answer names: by letter, or by being just what the option says.
 *
 * @param item - The question.
 * @param answer - The model's.
 * @returns "a" or "b", undefined where it names none or both.
 */
export function namedOption({ options }: MmvpItem, answer: string): string | undefined {
  const letters = new Set([...answer.matchAll(/\(([ab])\)/gi)].map((match) => (match[1] as string).toLowerCase()));
  if (letters.size === 1) return [...letters][0];
  if (letters.size > 1) return undefined;
  const first = /^\s*([ab])\s*(?:[).:,]|$)/i.exec(answer)?.[1];
  if (first !== undefined) return first.toLowerCase();
  const plain = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
  return (["a", "b"] as const).find((letter) => options[letter] !== "" && plain(options[letter]) === plain(answer));
}
