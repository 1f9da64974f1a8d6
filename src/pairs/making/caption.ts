import { Morphy } from "../../english/morphy.js";
import { ruleTagger, type Tagger } from "../../english/part-of-speech.js";
import { findPhrases, type NounPhrase, type Token } from "./noun-phrase.js";

/** A caption and what was read out of it. */
export interface Caption {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly phrases: readonly NounPhrase[];
  /** Range of tokens of each sentence: first and behind the last. */
  readonly sentences: readonly (readonly [from: number, to: number])[];
}

const PIECE = /\p{L}[\p{L}\p{M}\p{N}]*(?:[-'\u2019][\p{L}\p{M}\p{N}]+)*|\p{N}+(?:[.,:]\p{N}+)*|[^\s]/gu;
const CLITIC = /(?:['\u2019](?:s|re|ve|ll|d|m)|n['\u2019]t)$/iu;
const ENDS_SENTENCE = /^[.!?]$/;

/** Captions that are kept, since a row's are read several times. */
const RECENT = 64;

/** Reads captions; holds the tagger and the words of WordNet. */
export class CaptionReader {
  readonly morphy = new Morphy();
  readonly #tag: Tagger = ruleTagger();
  readonly #recent = new Map<string, Caption>();

  /**
   * Reads a caption.
   *
   * @param text - English, any number of sentences.
   */
  read(text: string): Caption {
    let caption = this.#recent.get(text);
    if (caption === undefined) {
      caption = this.#read(text);
      if (this.#recent.size >= RECENT) this.#recent.clear();
      this.#recent.set(text, caption);
    }
    return caption;
  }

  #read(text: string): Caption {
    const tokens: Token[] = [];
    const sentences: [number, number][] = [];
    let pieces: { text: string; start: number }[] = [];
    const close = (): void => {
      if (pieces.length === 0) return;
      const from = tokens.length;
      const words = pieces.map((piece, at) => (at === 0 ? this.#asWithin(piece.text) : piece.text));
      for (const [at, tag] of this.#tag(words).entries()) {
        const { text: word, start } = pieces[at] as (typeof pieces)[number];
        const end = start + word.length;
        tokens.push({ text: word, lower: word.toLowerCase(), tag, start, end, first: at === 0 });
      }
      sentences.push([from, tokens.length]);
      pieces = [];
    };
    for (const piece of piecesOf(text)) {
      const before = pieces.at(-1);
      if (before !== undefined && text.slice(before.start + before.text.length, piece.start).includes("\n")) close();
      pieces.push(piece);
      if (ENDS_SENTENCE.test(piece.text)) close();
    }
    close();
    return { text, tokens, sentences, phrases: sentences.flatMap((range) => findPhrases(tokens, range, this.morphy)) };
  }

  /** A sentence's first word as it would stand within it: the tagger takes capitals for names. */
  #asWithin(word: string): string {
    if (!/^\p{Lu}\p{Ll}*$/u.test(word)) return word;
    const lower = word.toLowerCase();
    const known = (["noun", "verb", "adjective", "adverb"] as const).some((part) =>
      this.morphy.isWord(this.morphy.lemma(lower, part), part),
    );
    // Articles and prepositions, which WordNet lacks, are short.
    return known || lower.length <= 5 ? lower : word;
  }
}

function* piecesOf(text: string): Generator<{ text: string; start: number }> {
  for (const { 0: word, index: start } of text.matchAll(PIECE)) {
    const clitic = CLITIC.exec(word)?.[0];
    if (clitic === undefined || clitic.length === word.length) {
      yield { text: word, start };
    } else {
      const at = word.length - clitic.length;
      yield { text: word.slice(0, at), start };
      yield { text: clitic, start: start + at };
    }
  }
}
