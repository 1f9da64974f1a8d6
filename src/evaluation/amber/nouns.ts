import type { Mode } from "../benchmark.js";
import { Morphy } from "../../english/morphy.js";
import { ruleTagger, type Tagger } from "../../english/part-of-speech.js";
import { tokenise } from "../../english/tokenise.js";

/** How nouns are found: `tagged` by part of speech, `auto` takes a bare list of nouns as it stands. */
export type NounFinding = "auto" | "tagged";

/** Finds the words of AMBER's vocabulary that a response uses as nouns. */
export class VocabularyNouns {
  readonly #vocabulary: ReadonlySet<string>;
  readonly #mode: Mode;
  readonly #finding: NounFinding;
  readonly #morphy = new Morphy();
  readonly #tag: Tagger;

  /**
   * @param vocabulary - Words that count.
   * @param mode - In fixed mode capitals do not matter and a word of the vocabulary needs no base form.
   * @param finding - Whether a bare list of nouns is recognised.
   * @param tag - Finds parts of speech.
   */
  constructor(vocabulary: ReadonlySet<string>, mode: Mode, finding: NounFinding, tag: Tagger = ruleTagger()) {
    this.#tag = tag;
    this.#vocabulary = vocabulary;
    this.#mode = mode;
    this.#finding = finding;
  }

  /**
   * Nouns of a response, as words of the vocabulary.
   *
   * Source: AMBER (arXiv 2311.07397), theirs; tags of npm wink-pos-tagger unless NLTK's are there. That a list of nouns needs
   * no tags is ours: a tagger wants sentences.
   *
   * @param response - A description, or words alone.
   * @returns In reading order; one that comes twice stands twice.
   */
  nouns(response: string): string[] {
    const tokens = tokenise(response);
    const words = this.#mode === "fixed" ? tokens.map((token) => token.toLowerCase()) : tokens;
    const list = this.#finding === "auto" && this.#isList(words);
    const tags = list ? [] : this.#tag(tokens);
    return words.flatMap((word, at) => {
      if (!list && !(tags[at] as string).startsWith("NN")) return [];
      if ((list || this.#mode === "fixed") && this.#vocabulary.has(word)) return [word];
      const lemma = this.#morphy.lemma(word, "noun");
      return this.#vocabulary.has(lemma) ? [lemma] : [];
    });
  }

  /** Whether a response consists of nouns alone; a sentence has words such as "the" that are none. */
  #isList(tokens: readonly string[]): boolean {
    const words = tokens.filter((token) => /\p{L}/u.test(token));
    return words.length > 0 && words.every((word) => this.#vocabulary.has(word) || this.#isNoun(word));
  }

  #isNoun(word: string): boolean {
    // WordNet holds letters and abbreviations such as "a" and "in" as nouns.
    return word.length > 2 && this.#morphy.isWord(this.#morphy.lemma(word, "noun"), "noun");
  }
}
