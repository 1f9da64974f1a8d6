import type { Morphy } from "../../english/morphy.js";
import { verbOfMany, verbOfOne } from "../../english/verb-number.js";
import type { Caption } from "./caption.js";
import type { Token } from "./noun-phrase.js";
import type { Edit } from "./edit.js";
import type { NounPhrase } from "./noun-phrase.js";

const FINITE = /^(?:VBZ|VBP)$/;
const FINITE_WORDS = /^(?:is|are|was|were|has|have|does|do|'s|\u2019s|'re|\u2019re|isn't|aren't)$/;
const PRONOUN =
  /^(?:it|its|itself|he|she|his|her|him|hers|himself|herself|they|their|them|theirs|themselves|each|both|one|ones|other|another)$/;
/** What can stand before the first noun phrase of a clause. */
const OPENS_CLAUSE = /^(?:and|while|as|where|when|because|but|,|;|:|-|that|which|who)$/;

/**
 * What else has to change when a phrase becomes plural or singular.
 *
 * @param phrase - The phrase whose number changes.
 * @param many - Its new number.
 * @returns Edits for the verb that agrees with it, none where nothing does; undefined where that is not safe to tell.
 */
export function agreementEdits(
  phrase: NounPhrase,
  many: boolean,
  caption: Caption,
  morphy: Morphy,
): Edit[] | undefined {
  const { tokens } = caption;
  const sentence = caption.sentences.find(([from, to]) => phrase.from >= from && phrase.from < to);
  if (sentence === undefined) return undefined;
  if (tokens.some(({ lower, tag }, at) => !within(at, phrase) && (PRONOUN.test(lower) || tag === "PRP")))
    return undefined;
  const finite = (at: number): boolean => isFinite(tokens[at]);
  const [first, behind] = sentence;
  const there = existentialVerb(phrase, caption);
  if (there !== undefined) {
    // "There is a dog and a cat": whatever follows stays, but another verb may agree with the phrase.
    return hasFinite(tokens, phrase.to, behind) ? undefined : verbEdit(tokens, there, many, morphy);
  }
  const next = tokens[phrase.to]?.tag === "RB" ? phrase.to + 1 : phrase.to;
  const opens = phrase.from === first || OPENS_CLAUSE.test(tokens[phrase.from - 1]?.lower ?? "");
  // "a dog and a cat are": the verb goes with both.
  const joined = /^(?:and|or|nor|,)$/.test(tokens[phrase.from - 1]?.lower ?? "");
  if (next < behind && finite(next)) {
    if (!opens || joined || hasFinite(tokens, next + 1, behind)) return undefined;
    // "The dog is a puppy" would need a plural at its other end.
    if (/^(?:is|are|was|were)$/.test(tokens[next]?.lower ?? "") && /^(?:DT|NN)/.test(tokens[next + 1]?.tag ?? ""))
      return undefined;
    return verbEdit(tokens, next, many, morphy);
  }
  if (hasFinite(tokens, phrase.to, behind)) return undefined;
  return [];
}

/** Position of the verb of "there is", where the phrase follows it. */
export function existentialVerb({ from }: NounPhrase, { tokens }: Caption): number | undefined {
  const verb = tokens[from - 1]?.tag === "RB" ? from - 2 : from - 1;
  const isThere =
    tokens[verb - 1]?.lower === "there" && /^(?:is|are|was|were|'s|\u2019s)$/.test(tokens[verb]?.lower ?? "");
  return isThere ? verb : undefined;
}

/** Whether a verb that agrees with a subject stands in a range of tokens. */
export function hasFinite(tokens: readonly Token[], from: number, to: number): boolean {
  return tokens.slice(from, to).some(isFinite);
}

function isFinite(token: Token | undefined): boolean {
  return token !== undefined && (FINITE.test(token.tag) || FINITE_WORDS.test(token.lower));
}

function within(at: number, { from, to }: NounPhrase): boolean {
  return at >= from && at < to;
}

/** The verb at a position in the form that agrees with one or many. */
function verbEdit(tokens: readonly Token[], at: number, many: boolean, morphy: Morphy): Edit[] | undefined {
  const { lower } = tokens[at] as Token;
  if (/^['\u2019]/.test(lower)) return undefined;
  if (many && /^(?:are|were|have|do)$/.test(lower)) return [];
  if (!many && /^(?:is|was|has|does)$/.test(lower)) return [];
  const words = many ? verbOfMany(lower, morphy) : verbOfOne(lower);
  return words === undefined ? undefined : [{ from: at, to: at + 1, words }];
}
