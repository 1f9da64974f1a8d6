import { createRequire } from "node:module";

/** Tags the words of a sentence with the parts of speech of the Penn Treebank. */
export type Tagger = (tokens: readonly string[]) => string[];

interface WinkTagger {
  tagRawTokens(tokens: readonly string[]): { pos: string }[];
}

/**
 * The tagger of npm wink-pos-tagger: a lexicon and context rules.
 *
 * @returns A tagger that knows nothing of the texts before.
 */
export function ruleTagger(): Tagger {
  const wink = (createRequire(import.meta.url)("wink-pos-tagger") as () => WinkTagger)();
  return (tokens) => wink.tagRawTokens(tokens).map(({ pos }) => pos);
}

/**
 * What a result says of its tagger.
 *
 * @param folder - Of NLTK's tagger; absent for ours.
 */
export function taggerName(folder: string | undefined): string {
  return folder === undefined ? "wink-pos-tagger" : "NLTK's averaged perceptron";
}
