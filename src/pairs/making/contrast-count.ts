import { isAlwaysCounted, isCounted, plural } from "../../english/noun-number.js";
import { agreementEdits } from "./agreement.js";
import type { Caption } from "./caption.js";
import type { Token } from "./noun-phrase.js";
import { annotatedAs, isFact, type MakingContext, type ReadRow, type TextContrastKind } from "./contrast-text.js";
import { type Edit, rewritten } from "./edit.js";
import type { NounPhrase } from "./noun-phrase.js";
import { numberLike, numberOf } from "./number-words.js";

/** Greatest number that is named. */
const MOST = 20;
/** Differences that are seen at a glance, and those that are not. */
const NEAR = [1] as const;
const FAR = [2, 3, 4] as const;
/** Words before a number that make it no count: "at least two", "one of", "the number 2". */
const NO_COUNT =
  /^(?:least|most|than|over|under|about|around|almost|nearly|only|number|top|bottom|every|no|route|bus|page|gate|section)$/;

/** Prepositions before what stands there by itself. */
const BESIDE = /^(?:with|of|near|beside)$/;

/** There are more or fewer of a thing. */
export const countContrast: TextContrastKind = {
  name: "count",
  propose(row, context, random) {
    for (const phrase of random.sample(row.caption.phrases.filter((each) => isCount(each, row, context)))) {
      const from = countOf(phrase, row.caption);
      for (const detail of random.sample(["near", "far"] as const)) {
        for (const to of random.sample(numbersNear(from, detail))) {
          const edits = editsFor(phrase, from, to, row, context);
          if (edits === undefined) continue;
          const own = [phrase.numeral ?? phrase.from, phrase.to] as const;
          return {
            kind: "count",
            detail,
            rejected: rewritten(row.caption, edits),
            chosenWord: wordsOf(own, row.caption, []),
            rejectedWord: wordsOf(own, row.caption, edits),
          };
        }
      }
    }
    return null;
  },
};

/** A range of a caption's tokens with edits applied, in lower case. */
function wordsOf([from, to]: readonly [number, number], { text, tokens }: Caption, edits: readonly Edit[]): string {
  let words = "";
  for (let at = from; at < to; at++) {
    const { end } = tokens[at] as Token;
    const edit = edits.find((each) => at >= each.from && at < each.to);
    const next = at + 1 < to ? (tokens[at + 1] as Token).start : end;
    if (edit === undefined) words += text.slice((tokens[at] as Token).start, next);
    else if (at === edit.to - 1) words += edit.words + text.slice(end, next);
  }
  return words.toLowerCase();
}

function numbersNear(from: number, detail: "near" | "far"): number[] {
  const steps = detail === "near" ? NEAR : FAR;
  return steps.flatMap((step) => [from - step, from + step]).filter((to) => to >= 1 && to <= MOST);
}

/** How many of its thing a phrase names: its numeral, or 1 for "a". */
function countOf({ numeral }: NounPhrase, { tokens }: ReadRow["caption"]): number {
  return numeral === undefined ? 1 : (numberOf(tokens[numeral]?.lower ?? "") ?? 1);
}

function isCount(phrase: NounPhrase, row: ReadRow, context: MakingContext): boolean {
  const { tokens, phrases } = row.caption;
  const determiner = phrase.determiner === undefined ? "" : (tokens[phrase.determiner]?.lower ?? "");
  const article = determiner === "a" || determiner === "an";
  if (!isFact(phrase, row, context) || !isCounted(phrase.term)) return false;
  if (phrase.numeral === undefined ? !article || !isAlwaysCounted(phrase.term) : article) return false;
  if (phrase.numeral !== undefined && determiner !== "" && determiner !== "the") return false;
  if (phrase.plural !== countOf(phrase, row.caption) > 1) return false;
  if (NO_COUNT.test(tokens[phrase.from - 1]?.lower ?? "")) return false;
  if (tokens[phrase.to]?.lower === "of" || tokens[phrase.to]?.tag === "POS") return false;
  // "a group of two dogs", "an image of a dog": only what is seen of the latter is counted.
  if (tokens[phrase.from - 1]?.lower === "of") {
    const before = phrases.find((other) => other.to === phrase.from - 1);
    if (before === undefined || !/^(?:picture|photo|photograph|image|view|close-up)$/.test(before.head)) return false;
  }
  // Of what something stands on or in there is seldom more: "on two benches".
  const before = tokens[phrase.from - 1];
  if (
    phrase.numeral === undefined &&
    before !== undefined &&
    /^(?:IN|TO|RP)$/.test(before.tag) &&
    !BESIDE.test(before.lower)
  ) {
    return false;
  }
  const name = annotatedAs(phrase.term, row, context);
  const counted = name === undefined ? undefined : row.counts?.get(name);
  return counted === undefined ? row.counts === null : counted === countOf(phrase, row.caption);
}

function editsFor(
  phrase: NounPhrase,
  from: number,
  to: number,
  { caption }: ReadRow,
  { reader, things }: MakingContext,
): Edit[] | undefined {
  const at = phrase.numeral ?? phrase.determiner;
  if (at === undefined) return undefined;
  const like = phrase.numeral === undefined ? "one" : (caption.tokens[at]?.lower ?? "one");
  const number: Edit = { from: at, to: at + 1, words: numberLike(to, like) };
  if (from > 1 && to > 1) return [number];
  // "the two dogs" would have to become "the dog".
  if (phrase.determiner !== undefined && phrase.numeral !== undefined) return undefined;
  // What people wear and hold one by one changes with their number.
  if (things.classOf(phrase.term) === "place") return undefined;
  const agreement = agreementEdits(phrase, to > 1, caption, reader.morphy);
  if (agreement === undefined) return undefined;
  const own = caption.tokens.slice(phrase.name, phrase.to).map(({ lower }) => lower);
  const last = to > 1 ? plural(phrase.head) : phrase.head;
  const noun: Edit = { from: phrase.name, to: phrase.to, words: [...own.slice(0, -1), last].join(" ") };
  return [number, noun, ...agreement];
}
