import { articleFor } from "../../english/article.js";
import type { Random } from "../../numbers/random.js";
import { existentialVerb, hasFinite } from "./agreement.js";
import {
  isAbsent,
  isFact,
  type MakingContext,
  nameOf,
  type ReadRow,
  type TextContrast,
  type TextContrastKind,
} from "./contrast-text.js";
import { rewritten } from "./edit.js";
import type { NounPhrase } from "./noun-phrase.js";
import type { VocabularyTerm } from "./vocabulary.js";

const DRAWS = 60;
const ARTICLE = /^an?$/;

/** Something is there that is not, or is denied though it is there. */
export const presenceContrast: TextContrastKind = {
  name: "presence",
  propose(row, context, random) {
    for (const way of random.sample([added, denied])) {
      const contrast = way(row, context, random);
      if (contrast !== null) return contrast;
    }
    return null;
  },
};

/** "There is a dog" becomes "there is no dog", "with a hat" becomes "without a hat". */
function denied(row: ReadRow, context: MakingContext, random: Random): TextContrast | null {
  const { caption } = row;
  const { tokens, phrases } = caption;
  for (const phrase of random.sample(phrases.filter((each) => isFact(each, row, context)))) {
    const { determiner, numeral } = phrase;
    const first = tokens[phrase.from]?.lower ?? "";
    const next = tokens[phrase.to]?.lower ?? "";
    // One of two that are joined cannot be denied alone.
    if (/^(?:and|or|,|of)$/.test(next) || tokens[phrase.to]?.tag === "POS") continue;
    if (existentialVerb(phrase, caption) !== undefined) {
      const leading = determiner ?? numeral;
      if (leading !== phrase.from || !(ARTICLE.test(first) || numeral === leading)) continue;
      return contrastOf("denied", row, phrase, [{ from: leading, to: leading + 1, words: "no" }], null);
    }
    const before = tokens[phrase.from - 1];
    if (before?.lower !== "with" || !ARTICLE.test(first)) continue;
    // "filled with", "along with", "next to" and the like need their "with".
    const owner = phrases.find((other) => other.to === phrase.from - 1);
    if (owner === undefined || !owner.sure) continue;
    return contrastOf("denied", row, phrase, [{ from: phrase.from - 1, to: phrase.from, words: "without" }], null);
  }
  return null;
}

/** "A dog on a couch" becomes "a dog and a cat on a couch". */
function added(row: ReadRow, context: MakingContext, random: Random): TextContrast | null {
  const { caption } = row;
  for (const phrase of random.sample(caption.phrases.filter((each) => canBeJoined(each, row, context)))) {
    const found = random.chance(0.5)
      ? (companionFor(row, context, random) ?? strangerFor(row, context, random))
      : (strangerFor(row, context, random) ?? companionFor(row, context, random));
    if (found === undefined) continue;
    const { term, detail } = found;
    const words = `${articleFor(term)} ${term}`;
    // Into a list it goes before the last item, whose "and" stays.
    const listed = isList(row) && caption.phrases.length > 1;
    const rejected = insertedBehind(phrase, listed ? `, ${words}` : ` and ${words}`, row);
    return { kind: "presence", detail, rejected, chosenWord: null, rejectedWord: term };
  }
  return null;
}

function insertedBehind({ to }: NounPhrase, words: string, { caption }: ReadRow): string {
  const end = caption.tokens[to - 1]?.end ?? caption.text.length;
  return caption.text.slice(0, end) + words + caption.text.slice(end);
}

/** Whether "and a cat" behind a phrase leaves a correct sentence with one more thing. */
function canBeJoined(phrase: NounPhrase, row: ReadRow, context: MakingContext): boolean {
  const { caption } = row;
  const { tokens, sentences, phrases } = caption;
  if (!isFact(phrase, row, context) || context.things.classOf(phrase.term) === "place") return false;
  const first = tokens[phrase.from]?.lower ?? "";
  if (!ARTICLE.test(first) && phrase.numeral !== phrase.from) return false;
  const sentence = sentences.find(([from, to]) => phrase.from >= from && phrase.from < to);
  if (sentence === undefined) return false;
  const [from, to] = sentence;
  const before = tokens[phrase.from - 1]?.lower ?? "";
  const next = tokens[phrase.to];
  if (isList(row)) return phrases.length === 1 || /^(?:,|and)$/.test(next?.lower ?? "");
  if (/^(?:and|or|of|,)$/.test(before) || /^(?:and|or|of|,)$/.test(next?.lower ?? "") || next?.tag === "POS")
    return false;
  if (existentialVerb(phrase, caption) !== undefined) return next === undefined || /^(?:IN|\.)$/.test(next.tag);
  if (before === "with" || before === "near" || before === "beside") {
    return (
      (next === undefined || /^[.]$/.test(next.tag)) &&
      phrases.some((other) => other.to === phrase.from - 1 && other.sure)
    );
  }
  // The first thing of a sentence without a finite verb.
  return (
    phrase.from === from && (next === undefined || /^(?:IN|\.)$/.test(next.tag)) && !hasFinite(tokens, phrase.to, to)
  );
}

/** Whether a caption does nothing but list things: "a dog, a car and a tree." */
function isList({ caption }: ReadRow): boolean {
  const inside = new Set(
    caption.phrases.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at)),
  );
  return caption.tokens.every(({ lower }, at) => inside.has(at) || /^(?:,|and|\.)$/.test(lower));
}

interface Found {
  term: string;
  detail: string;
}

function companionFor(row: ReadRow, context: MakingContext, random: Random): Found | undefined {
  // Without annotations a usual companion is too likely to be there, unnamed.
  if (row.objects === null) return undefined;
  const found = row.objects
    .flatMap((name) => [...context.vocabulary.companions(name, true)])
    .filter((other) => fits(other, row, context));
  return found.length === 0 ? undefined : { term: random.pick(found).term, detail: "added_companion" };
}

function strangerFor(row: ReadRow, context: MakingContext, random: Random): Found | undefined {
  const annotated = row.objects !== null;
  const all = context.vocabulary.terms(annotated);
  const companions = new Set(
    (row.objects ?? []).flatMap((name) => context.vocabulary.companions(name, annotated).map(({ term }) => term)),
  );
  for (let draw = 0; draw < Math.min(DRAWS, 4 * all.length); draw++) {
    const other = random.pick(all);
    if (!companions.has(other.term) && fits(other, row, context)) return { term: other.term, detail: "added" };
  }
  return undefined;
}

function fits(other: VocabularyTerm, row: ReadRow, context: MakingContext): boolean {
  return other.kind === "thing" && other.counted && isAbsent(other.term, row, context);
}

function contrastOf(
  detail: string,
  row: ReadRow,
  phrase: NounPhrase,
  edits: Parameters<typeof rewritten>[1],
  rejectedWord: string | null,
): TextContrast {
  return {
    kind: "presence",
    detail,
    rejected: rewritten(row.caption, edits),
    chosenWord: nameOf(phrase, row.caption),
    rejectedWord,
  };
}
