import type { Synonyms } from "../chair/synonyms.js";
import { Morphy } from "../../english/morphy.js";
import { ruleTagger } from "../../english/part-of-speech.js";
import { tokenise } from "../../english/tokenise.js";

/** A word or phrase that names one of COCO's objects. */
export interface Mention {
  word: string;
  object: string;
}

/** Finds COCO's objects in texts and in lists of object names. Source: RLHF-V's script for Object HalBench; theirs. */
export class ObjectNames {
  readonly #synonyms: Synonyms;
  readonly #morphy = new Morphy();
  readonly #tag = ruleTagger();

  /** @param synonyms - Words for objects, `synonyms_refine.txt` of the benchmark. */
  constructor(synonyms: Synonyms) {
    this.#synonyms = synonyms;
  }

  /** The object that a name of COCO's categories stands for; the name itself where the list lacks it. */
  object(category: string): string {
    return this.#synonyms.objects.get(category) ?? category;
  }

  /**
   * Objects that a text names.
   *
   * @param text - A caption.
   * @returns Every mention, in reading order.
   */
  inText(text: string): Mention[] {
    return this.#mentions(this.#joined(this.#lemmas(tokenise(text.toLowerCase()))).map(({ word }) => word));
  }

  /**
   * Objects that a list names: a phrase of the list of synonyms anywhere in a name, else its nouns, those side by side
   * as one word. What is named twice counts once.
   *
   * @param names - As the judge extracted them.
   * @returns Mentions of different words.
   */
  inList(names: readonly string[]): Mention[] {
    const words = names.flatMap((name) => {
      // The article makes a noun of a word that could be a verb, too.
      const tokens = tokenise(`a ${name.toLowerCase()}`);
      const lemmas = this.#lemmas(tokens);
      const phrases = this.#joined(lemmas).filter(({ phrase }) => phrase);
      return phrases.length > 0 ? phrases.map(({ word }) => word) : nounRuns(lemmas, this.#tag(tokens));
    });
    return this.#mentions([...new Set(words)]);
  }

  #lemmas(tokens: readonly string[]): string[] {
    return tokens.map((token) => this.#morphy.lemma(token, "noun"));
  }

  #joined(words: readonly string[]): { word: string; phrase: boolean }[] {
    const { phrases, longest } = this.#synonyms;
    const joined: { word: string; phrase: boolean }[] = [];
    for (let at = 0; at < words.length;) {
      let length = Math.min(longest, words.length - at);
      while (length > 1 && !phrases.has(words.slice(at, at + length).join(" "))) length--;
      const phrase = length > 1 ? phrases.get(words.slice(at, at + length).join(" ")) : undefined;
      joined.push({ word: phrase ?? (words[at] as string), phrase: phrase !== undefined });
      at += Math.max(1, length);
    }
    return joined;
  }

  #mentions(words: readonly string[]): Mention[] {
    // The seat of a toilet is no chair.
    const seatless = words.includes("toilet") ? words.filter((word) => word !== "seat") : words;
    return seatless.flatMap((word) => {
      const object = this.#synonyms.objects.get(word);
      return object === undefined ? [] : [{ word, object }];
    });
  }
}

function nounRuns(lemmas: readonly string[], tags: readonly string[]): string[] {
  const runs: string[] = [];
  const run: string[] = [];
  lemmas.forEach((lemma, at) => {
    if (/^NNP?S?$/.test(tags[at] ?? "")) run.push(lemma);
    else if (run.length > 0) runs.push(run.splice(0).join(" "));
  });
  if (run.length > 0) runs.push(run.join(" "));
  return runs;
}
