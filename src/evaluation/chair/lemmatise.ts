import { Morphy, type PartOfSpeech } from "../../english/morphy.js";
import { ruleTagger, type Tagger } from "../../english/part-of-speech.js";
import { singular } from "../../english/singular.js";

/** Which base forms are counted: those of pattern.en's singularizer or WordNet's by part of speech. */
export type Lemmatiser = "singular" | "wordnet";

/**
 * Base forms of the words of a caption.
 *
 * @param tokens - Lower-case.
 * @returns Shape (tokens).
 */
export type Lemmatise = (tokens: readonly string[]) => string[];

const MOST_REMEMBERED = 200_000;

/** Neighbours that are tagged together with a word; the tagger's rules look no farther. */
const WORDS_BEFORE = 8;
const WORDS_BEHIND = 4;

/** Parts of speech before which a word in -ing is a thing and no doing: "the seating", "his skiing". */
const BEFORE_NOUN = /^(?:DT|PDT|JJ|PRP\$)/;

/**
 * Singulars as CHAIR's own script takes them.
 *
 * @returns A function that remembers words.
 */
export function singulars(): Lemmatise {
  const known = new Map<string, string>();
  return (tokens) => tokens.map((token) => remembered(known, token, singular));
}

/**
 * WordNet's base forms, a verb's where a word is used as one: "skiing" counts as "ski" in "people skiing" and as
 * "skiing" in "the skiing".
 *
 * Only words that can count as one of both and not as the other are looked at in their sentence. What else the official
 * tagger takes for an adjective or a verb (it does so with some plurals) counts as a noun.
 *
 * Source: the pipeline that came into use with OPERA (arXiv 2311.17911); tags of npm wink-pos-tagger.
 *
 * @param relevant - Base forms that can count; others only need not become one of them.
 * @returns A function that remembers words.
 */
export function wordNetLemmas(relevant: ReadonlySet<string>): Lemmatise {
  const morphy = new Morphy();
  const tag = ruleTagger();
  const nouns = new Map<string, string>();
  const verbs = new Map<string, string>();
  /** The verb's base form where it matters whether the word is a verb, else "". */
  const decisive = (token: string): string => {
    const [verb, noun] = [morphy.lemma(token, "verb"), morphy.lemma(token, "noun")];
    const [asVerb, asNoun] = [relevant.has(verb), relevant.has(noun)];
    return (asVerb && !asNoun) || (asNoun && !asVerb && token.endsWith("ing")) ? verb : "";
  };
  const isVerb = (tokens: readonly string[], at: number): boolean => {
    const token = tokens[at] as string;
    if (token.endsWith("ed")) return true;
    const first = Math.max(0, at - WORDS_BEFORE);
    const tags = tag(tokens.slice(first, at + WORDS_BEHIND + 1));
    if (token.endsWith("ing")) return !BEFORE_NOUN.test(tags[at - first - 1] ?? "");
    return (tags[at - first] as string).startsWith("V");
  };
  return (tokens) =>
    tokens.map((token, at) => {
      const verb = remembered(verbs, token, decisive);
      if (verb !== "" && isVerb(tokens, at)) return verb;
      return remembered(nouns, token, (word) => morphy.lemma(word, "noun"));
    });
}

const PART_OF_TAG: Readonly<Record<string, PartOfSpeech | undefined>> = { J: "adjective", V: "verb", R: "adverb" };

/**
 * WordNet's base forms by the tags of a tagger that is trusted with every word.
 *
 * Source: the pipeline that came into use with OPERA (arXiv 2311.17911).
 *
 * @param tag - Tags of the Penn Treebank.
 */
export function taggedLemmas(tag: Tagger): Lemmatise {
  const morphy = new Morphy();
  return (tokens) => {
    const tags = tag(tokens);
    return tokens.map((token, at) => morphy.lemma(token, PART_OF_TAG[(tags[at] as string).charAt(0)] ?? "noun"));
  };
}

function remembered(known: Map<string, string>, word: string, find: (word: string) => string): string {
  let found = known.get(word);
  if (found === undefined) {
    found = find(word);
    // Captions have few distinct words; the limit keeps garbage from filling memory.
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(word, found);
  }
  return found;
}
