import { sentences } from "./sentences.js";
import { SPACE } from "./space.js";

const WORD = "[\\p{L}\\p{N}_]";
/** Boundary between a character of a word and another, for any alphabet. */
const EDGE = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
const SPACES = new RegExp(`[${SPACE}]+`, "u");
const ANY_SPACES = new RegExp(SPACES, "gu");
/** The marks are taken whole by the look ahead, so that a long run of blanks is not tried at every length. */
const FINAL_POINT = new RegExp(`([^.])\\.(?=([\\])}>"'\\u00bb\\u201d\\u2019 ]*))\\2[${SPACE}]*$`, "u");

type Rule = readonly [pattern: RegExp, replacement: string];

/** Opening quotation marks become two backquotes; a single one parts from its word unless that is a clitic. */
const OPENING: readonly Rule[] = [
  [/[\u00ab\u201c\u2018\u201e]|`+/gu, " $& "],
  [/^"/u, "``"],
  [/``/gu, " `` "],
  [/([ ([{<])(?:"|'')/gu, "$1 `` "],
  [new RegExp(`(?<!${WORD})'(?!(?:re|ve|ll|m|t|s|d|n)${EDGE})(?=${WORD})`, "giu"), "' "],
];

const POINTS: readonly Rule[] = [
  [FINAL_POINT, "$1 . $2 "],
  [/([:,])(?!\p{Nd})(?=[^])/gu, " $1 "],
  [/[:,]$/u, " $& "],
  [/\.{2,}/gu, " $& "],
];

const SIGNS: readonly Rule[] = [
  [/[;@#$%&\u2012-\u2015?!*]/gu, " $& "],
  [/[\][(){}<>]/gu, " $& "],
  [/--/gu, " -- "],
];

const CLOSING: readonly Rule[] = [
  [/[\u00bb\u201d\u2019]/gu, " $& "],
  [/''|"/gu, " '' "],
  [ANY_SPACES, " "],
  [/([^' ])('[sSmMdD]|') /gu, "$1 $2 "],
  [/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /gu, "$1 $2 "],
];

/** Words written as one that the Penn Treebank writes as two. */
const PAIRS: readonly Rule[] = [
  [new RegExp(`${EDGE}(can)(not)${EDGE}`, "giu"), " $1 $2 "],
  [new RegExp(`${EDGE}(d)('ye)${EDGE}`, "giu"), " $1 $2 "],
  [new RegExp(`${EDGE}(gim|lem)(me)${EDGE}`, "giu"), " $1 $2 "],
  [new RegExp(`${EDGE}(gon)(na)${EDGE}`, "giu"), " $1 $2 "],
  [new RegExp(`${EDGE}(got)(ta)${EDGE}`, "giu"), " $1 $2 "],
  [new RegExp(`${EDGE}(more)('n)${EDGE}`, "giu"), " $1 $2 "],
  [new RegExp(`${EDGE}(wan)(na)(?=[${SPACE}])`, "giu"), " $1 $2 "],
  [new RegExp(` ('t)(is|was)${EDGE}`, "giu"), " $1 $2 "],
];

const HAS_QUOTE = /['"`\u00ab\u00bb\u2018\u2019\u201c\u201d\u201e]/u;
const HAS_SIGN = /[;@#$%&\u2012-\u2015?!*[\](){}<>]|--/u;
const MAY_HOLD_PAIR = /cannot|d'ye|gimme|lemme|gonna|gotta|more'n|wanna|'t/iu;

/**
 * Cuts a text into the words and marks of the Penn Treebank, sentence by sentence: points at the end of sentences,
 * quotation marks, brackets and clitics ("'s", "n't") are tokens, points within a sentence stay with their word.
 *
 * Source: Marcus, Santorini and Marcinkiewicz (1993) and Robert MacIntyre's rules for it, as NLTK's `word_tokenize`
 * applies them.
 *
 * @param text - Any text.
 * @returns Tokens in reading order.
 */
export function tokenise(text: string): string[] {
  return sentences(text).flatMap(tokensOf);
}

function tokensOf(sentence: string): string[] {
  const quotes = HAS_QUOTE.test(sentence);
  let text = sentence;
  if (quotes) text = applied(OPENING, text);
  text = applied(POINTS, text);
  if (HAS_SIGN.test(text)) text = applied(SIGNS, text);
  if (quotes) text = applied(CLOSING, ` ${text.replace(/([^'])' /gu, "$1 ' ")} `);
  if (MAY_HOLD_PAIR.test(text)) text = applied(PAIRS, ` ${text} `);
  return text.split(SPACES).filter((token) => token !== "");
}

function applied(rules: readonly Rule[], text: string): string {
  return rules.reduce((changed, [pattern, replacement]) => changed.replace(pattern, replacement), text);
}
