import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Words of texts, and how many of them a model cannot tell from each other. */
export interface WordCounts {
  readonly words: number;
  readonly unknown: number;
}

/** Counts the words of a text. */
export type WordCounter = (text: string) => WordCounts;

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;

/**
 * What tells the words that a model does not know, where its tokens are whole words: all others read as one token, so that
 * "a brown horse" and "a white horse" can be the same to it.
 *
 * @param folder - The model's.
 * @returns Null where words are made of smaller tokens, or the tokens cannot be read.
 */
export async function unknownWordCounter(folder: string): Promise<WordCounter | null> {
  const text = await readFile(join(folder, "tokenizer.json"), "utf8").catch(() => null);
  if (text === null) return null;
  const { model } = JSON.parse(text) as { model?: { type?: string; vocab?: Record<string, number> } };
  if (model?.type !== "WordLevel" || model.vocab === undefined) return null;
  const known = new Set(Object.keys(model.vocab).map((token) => token.replace(/^▁/, "")));
  return (said) => {
    const words = said.match(WORD) ?? [];
    return { words: words.length, unknown: words.filter((word) => !known.has(word)).length };
  };
}
