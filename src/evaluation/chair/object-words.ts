import type { Mode } from "../benchmark.js";
import type { Tagger } from "../../english/part-of-speech.js";
import { tokenise } from "../../english/tokenise.js";
import { singulars, taggedLemmas, wordNetLemmas, type Lemmatise, type Lemmatiser } from "./lemmatise.js";
import type { Synonyms } from "./synonyms.js";

/** Finds the objects that captions name. */
export class ObjectWords {
  readonly #synonyms: Synonyms;
  readonly #lemmatise: Lemmatise;
  readonly #mode: Mode;
  /** First words of phrases. */
  readonly #beginnings: ReadonlySet<string>;

  /**
   * @param synonyms - Words for objects.
   * @param lemmatiser - Which base forms are looked up.
   * @param mode - In fixed mode a word of the list counts as it stands, whatever the lemmatiser makes of it.
   * @param tag - For WordNet's base forms: the tagger to take in place of ours.
   */
  constructor(synonyms: Synonyms, lemmatiser: Lemmatiser, mode: Mode, tag?: Tagger) {
    this.#synonyms = synonyms;
    this.#mode = mode;
    if (lemmatiser === "singular") this.#lemmatise = singulars();
    else this.#lemmatise = tag === undefined ? wordNetLemmas(synonyms.words) : taggedLemmas(tag);
    this.#beginnings = new Set([...synonyms.phrases.keys()].map((phrase) => phrase.split(" ", 1)[0] as string));
  }

  /**
   * Objects that a caption names, every mention counted, in reading order.
   *
   * Source: CHAIR (arXiv 1809.02156); theirs.
   *
   * @param caption - Any text.
   * @returns Names of objects; one that is named twice stands twice.
   */
  objects(caption: string): string[] {
    return this.mentions(caption).objects;
  }

  /**
   * The objects of a caption and its length as CHAIR's later scripts count it: in tokens, marks of punctuation among them,
   * a phrase of the list as one.
   *
   * Source: the length is that of the script that came into use with OPERA (arXiv 2311.17911), `Len`.
   *
   * @param caption - Any text.
   */
  mentions(caption: string): { objects: string[]; tokens: number } {
    const { objects, words: listed } = this.#synonyms;
    const tokens = tokenise(caption.toLowerCase());
    const lemmas = this.#lemmatise(tokens);
    if (this.#mode === "fixed") {
      tokens.forEach((token, at) => {
        if (listed.has(token) && !listed.has(lemmas[at] as string)) lemmas[at] = token;
      });
    }
    const words = this.#merged(lemmas);
    // The seat of a toilet is no chair.
    const seatless = words.includes("toilet") ? words.filter((word) => word !== "seat") : words;
    return {
      objects: seatless.map((word) => objects.get(word)).filter((object) => object !== undefined),
      tokens: words.length,
    };
  }

  /** Joins phrases from left to right, the longest first. */
  #merged(words: readonly string[]): string[] {
    const { phrases, longest } = this.#synonyms;
    const merged: string[] = [];
    for (let at = 0; at < words.length; at++) {
      let word = words[at] as string;
      if (this.#beginnings.has(word)) {
        for (let length = Math.min(longest, words.length - at); length > 1; length--) {
          const phrase = phrases.get(words.slice(at, at + length).join(" "));
          if (phrase === undefined) continue;
          word = phrase;
          at += length - 1;
          break;
        }
      }
      merged.push(word);
    }
    return merged;
  }
}
