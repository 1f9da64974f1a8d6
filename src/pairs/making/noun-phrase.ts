import { looksPlural, singularOf } from "../../english/noun-number.js";
import type { Morphy } from "../../english/morphy.js";
import { numberOf } from "./number-words.js";

/** A word or mark of a caption. */
export interface Token {
  readonly text: string;
  readonly lower: string;
  /** Part of speech, as the Penn Treebank names it. */
  readonly tag: string;
  /** Offset of the first character in the caption. */
  readonly start: number;
  /** Offset behind the last character. */
  readonly end: number;
  /** Whether it is the first of its sentence. */
  readonly first: boolean;
}

/** A thing that a caption names: "two small dogs". Positions count the caption's tokens. */
export interface NounPhrase {
  /** First token. */
  readonly from: number;
  /** Behind the last token. */
  readonly to: number;
  /** Article or other determiner, where it has one. */
  readonly determiner: number | undefined;
  /** Numeral ("two", "3"; not "a"), where it has one. */
  readonly numeral: number | undefined;
  /** First token of the name: nouns, or an adjective that belongs to it ("polar bear"). */
  readonly name: number;
  /** Adjectives and participles before the name. */
  readonly modifiers: readonly number[];
  /** What is named, in the singular and lower case: the whole name where WordNet holds it, else its last noun. */
  readonly term: string;
  /** The last noun in the singular. */
  readonly head: string;
  readonly plural: boolean;
  /** Whether the reading is safe enough to replace the name. */
  readonly sure: boolean;
}

const NOUN = /^NN/;
const MODIFIER = /^(?:JJ|VBN|VBG|VBD)/;
const DETERMINERS = new Set(
  (
    "a an the this that these those some any each every another no both all several many few his her its their my your " +
    "our whose"
  ).split(" "),
);
/** Adjectives that describe even where WordNet holds them with their noun: "old man", "white elephant". */
const NO_NAME = new Set(
  (
    "young old little big small large tall short long new open full empty wooden " +
    "red orange yellow green blue purple pink black white brown gray grey"
  ).split(" "),
);
const OF_ONE = new Set("a an this that each every another one".split(" "));
const OF_MANY = new Set("these those several many few both all some".split(" "));

/**
 * Finds the noun phrases of a sentence: determiner, numeral, adjectives, nouns.
 *
 * @param tokens - Of the caption.
 * @param range - First token of the sentence and the one behind the last.
 * @param morphy - Knows words.
 */
export function findPhrases(
  tokens: readonly Token[],
  [from, to]: readonly [number, number],
  morphy: Morphy,
): NounPhrase[] {
  const phrases: NounPhrase[] = [];
  let at = from;
  while (at < to) {
    const phrase = phraseAt(tokens, at, to, morphy);
    if (phrase === undefined) {
      at += 1;
    } else {
      phrases.push(phrase);
      at = phrase.to;
    }
  }
  return phrases;
}

function phraseAt(tokens: readonly Token[], start: number, to: number, morphy: Morphy): NounPhrase | undefined {
  const token = (at: number): Token | undefined => (at < to ? tokens[at] : undefined);
  let at = start;
  let determiner: number | undefined;
  let numeral: number | undefined;
  if (DETERMINERS.has(token(at)?.lower ?? "")) determiner = at++;
  if (numberOf(token(at)?.lower ?? "") !== undefined) numeral = at++;
  const modifiers: number[] = [];
  let known = determiner !== undefined || numeral !== undefined;
  for (;;) {
    const { tag, lower } = token(at) ?? { tag: "", lower: "" };
    const after = token(at + 1)?.tag ?? "";
    if (/^JJ/.test(tag) || (MODIFIER.test(tag) && known && (NOUN.test(after) || MODIFIER.test(after)))) {
      modifiers.push(at++);
      known = true;
    } else if (
      (lower === "and" || lower === ",") &&
      modifiers.length > 0 &&
      /^JJ/.test(after) &&
      /^(?:NN|JJ|CC|,)/.test(token(at + 2)?.tag ?? "")
    ) {
      at += 1;
    } else if (tag === "RB" && known && MODIFIER.test(after)) {
      at += 1;
    } else {
      break;
    }
  }
  let nouns = at;
  while (NOUN.test(token(at)?.tag ?? "")) at += 1;
  if (at === nouns) {
    // "a yellow key on a plate": what the tagger takes for an adjective can be the noun.
    const last = modifiers.at(-1);
    const word = last === at - 1 ? (token(last)?.lower ?? "") : "";
    if (determiner === undefined && numeral === undefined) return undefined;
    if (NO_NAME.has(word) && word !== "orange") return undefined;
    if (!morphy.isWord(looksPlural(word, morphy) ? singularOf(word, morphy) : word, "noun")) return undefined;
    modifiers.pop();
    nouns -= 1;
  }
  const phrase = described(tokens, { start, to: at, determiner, numeral, modifiers, nouns }, morphy, token(at));
  // "a light blue car": what stands before an adjective and a noun describes them.
  const describes = /^JJ/.test(token(at)?.tag ?? "") && NOUN.test(token(at + 1)?.tag ?? "");
  return describes ? { ...phrase, sure: false } : phrase;
}

interface Parts {
  start: number;
  to: number;
  determiner: number | undefined;
  numeral: number | undefined;
  modifiers: number[];
  nouns: number;
}

function described(
  tokens: readonly Token[],
  { start, to, determiner, numeral, modifiers, nouns: firstNoun }: Parts,
  morphy: Morphy,
  next: Token | undefined,
): NounPhrase {
  let nouns = firstNoun;
  const last = tokens[to - 1] as Token;
  const determinerWord = determiner === undefined ? "" : (tokens[determiner] as Token).lower;
  const count = numeral === undefined ? undefined : numberOf((tokens[numeral] as Token).lower);
  const one = OF_ONE.has(determinerWord) || count === 1;
  const many = OF_MANY.has(determinerWord) || (count !== undefined && count > 1);
  const form = looksPlural(last.lower, morphy);
  const plural = form && !one;
  const head = plural ? singularOf(last.lower, morphy) : last.lower;
  // The name may begin with an adjective: "a polar bear", "a stuffed animal".
  // A description with hyphens is no part of it: "a red-and-white bus".
  while (nouns < to - 1 && (tokens[nouns] as Token).text.includes("-")) nouns += 1;
  let name = nouns;
  let term = head;
  const before = modifiers.at(-1) === nouns - 1 ? (tokens[nouns - 1] as Token).lower : undefined;
  const adjective = before === undefined || NO_NAME.has(before) ? nouns : nouns - 1;
  for (let from = adjective; from < to - 1; from++) {
    const words = [...tokens.slice(from, to - 1).map((token) => token.lower), head].join(" ");
    if (!morphy.isWord(words.replaceAll(" ", "_"), "noun")) continue;
    name = Math.min(from, nouns);
    if (from <= nouns) term = words;
    break;
  }
  const sure =
    morphy.isWord(head.replaceAll(" ", "_"), "noun") &&
    !/^NNP/.test(last.tag) &&
    // "two sheep" are many though the form does not say so; "two dog" is a mistake that is left alone.
    !(many && !plural) &&
    !(one && form) &&
    !mayBeVerb(tokens, nouns, to, term, head, morphy, next);
  return {
    from: start,
    to,
    determiner,
    numeral,
    name,
    modifiers: modifiers.filter((at) => at < name),
    term,
    head,
    plural,
    sure,
  };
}

/** "A man surfs a wave": a last noun that may be a verb, before what a verb's object begins with. */
function mayBeVerb(
  tokens: readonly Token[],
  nouns: number,
  to: number,
  term: string,
  head: string,
  morphy: Morphy,
  next: Token | undefined,
): boolean {
  if (to - nouns < 2 || term !== head) return false;
  const last = tokens[to - 1] as Token;
  const asVerb = morphy.lemma(last.lower, "verb");
  if (!morphy.isWord(asVerb, "verb")) return false;
  return next !== undefined && /^(?:DT|PRP\$|CD|IN|TO|RB|RP|JJ|VBG)/.test(next.tag);
}
