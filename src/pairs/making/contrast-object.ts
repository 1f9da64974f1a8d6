import { isAlwaysCounted, isPluralOnly, plural } from "../../english/noun-number.js";
import type { Random } from "../../numbers/random.js";
import {
  annotatedAs,
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

const DETAILS = ["companion", "near", "far"] as const;
/** How a stand-in relates to what it stands for and to the rest of the image. */
type ObjectDetail = (typeof DETAILS)[number];

/** Draws of a far stand-in before giving up. */
const DRAWS = 60;
/** Nouns that are one thing with what follows: "a slice of pizza", "in front of". */
const JOINS_NEXT = new Set(["of"]);
/** Groups that can be of anything: "a group of dogs". */
const GROUPS = new Set(
  "group bunch couple row line lot lots pile number variety collection pack dozens picture photo close-up view image".split(
    " ",
  ),
);
const GENDERED = /^(?:he|him|his|himself|she|her|hers|herself)$/;

/** One object is another object: a usual companion of the others, one near in meaning, or one far from it. */
export const objectContrast: TextContrastKind = {
  name: "object",
  propose(row, context, random) {
    const { caption } = row;
    for (const phrase of random.sample(caption.phrases.filter((each) => isReplaceable(each, row, context)))) {
      for (const detail of random.sample(DETAILS)) {
        const standIn = standInFor(phrase, detail, row, context, random);
        if (standIn !== undefined) return replaced(phrase, standIn, detail, row);
      }
    }
    return null;
  },
};

function replaced(phrase: NounPhrase, standIn: string, detail: ObjectDetail, { caption }: ReadRow): TextContrast {
  const words = phrase.plural && !isPluralOnly(standIn) ? plural(standIn) : standIn;
  return {
    kind: "object",
    detail,
    rejected: rewritten(caption, [{ from: phrase.name, to: phrase.to, words }]),
    chosenWord: nameOf(phrase, caption),
    rejectedWord: words,
  };
}

/** Whether another noun in the phrase's place leaves a correct sentence with one fact changed. */
function isReplaceable(phrase: NounPhrase, row: ReadRow, context: MakingContext): boolean {
  const { tokens, phrases } = row.caption;
  if (!isFact(phrase, row, context)) return false;
  const next = tokens[phrase.to];
  if (next !== undefined && JOINS_NEXT.has(next.lower)) return false;
  // "the dog's tail" is a fact of the tail as well.
  if (next?.tag === "POS") return false;
  if (tokens[phrase.from - 1]?.lower === "of") {
    const before = phrases.find((other) => other.to === phrase.from - 1);
    if (before !== undefined && !GROUPS.has(before.head)) return false;
  }
  if (!phrase.plural && !isCountedHere(phrase, row)) return false;
  if (
    phrase.plural &&
    context.things.classOf(phrase.term) === "person" &&
    context.things.counterpart(phrase.term) === undefined
  ) {
    return false;
  }
  if (context.things.classOf(phrase.term) !== "person") return true;
  return !tokens.some(({ lower }) => GENDERED.test(lower));
}

/** "a dog", "the dog": a noun without a determiner may be part of an idiom ("in bed") or name a substance. */
function isCountedHere({ determiner, numeral, term }: NounPhrase, { caption }: ReadRow): boolean {
  if (numeral !== undefined) return true;
  if (determiner === undefined) return false;
  const { lower } = caption.tokens[determiner] as { lower: string };
  if (lower === "a" || lower === "an" || lower === "another" || lower === "each" || lower === "every") return true;
  return !/^(?:some|any|all|no|both|several|many|few)$/.test(lower) && isAlwaysCounted(term);
}

function standInFor(
  phrase: NounPhrase,
  detail: ObjectDetail,
  row: ReadRow,
  context: MakingContext,
  random: Random,
): string | undefined {
  const { things, vocabulary } = context;
  const annotated = row.objects !== null;
  const name = annotatedAs(phrase.term, row, context) ?? phrase.term;
  const kind = things.classOf(phrase.term) ?? "thing";
  if (kind === "person") {
    const counterpart = things.counterpart(phrase.term);
    const others = row.mentioned.filter(
      (term) => !row.objects?.includes(term) && term !== phrase.term && term !== nameOf(phrase, row.caption),
    );
    if (counterpart === undefined || detail !== "near") return undefined;
    // The person of the other sex may be in the image too; a caption that tells of one person says so.
    return others.some((term) => term === counterpart || PEOPLE.has(term)) ? undefined : counterpart;
  }
  const companions = (): VocabularyTerm[] => {
    const present = (row.objects ?? row.caption.phrases.map(({ term }) => term)).filter((term) => term !== name);
    return (present.length > 0 ? present : [name]).flatMap((term) => [...vocabulary.companions(term, annotated)]);
  };
  const fits = (other: VocabularyTerm): boolean =>
    other.kind === kind &&
    (phrase.plural ? other.counted || isPluralOnly(other.term) : other.counted) &&
    isAbsent(other.term, row, context);
  // Without annotations a usual companion is too likely to be there, unnamed.
  if (detail === "companion") return annotated ? pick(companions().filter(fits), random) : undefined;
  if (detail === "near") {
    const usual = new Set(companions().map(({ term }) => term));
    return pick(
      vocabulary.near(name, annotated).filter((other) => !usual.has(other.term) && fits(other)),
      random,
    );
  }
  const all = vocabulary.terms(annotated);
  const near = new Set([...vocabulary.near(name, annotated), ...companions()].map(({ term }) => term));
  for (let draw = 0; draw < Math.min(DRAWS, 4 * all.length); draw++) {
    const other = random.pick(all);
    if (!near.has(other.term) && fits(other)) return other.term;
  }
  return undefined;
}

const PEOPLE = new Set(
  "person people child kid baby couple family crowd player adult someone man woman boy girl guy lady".split(" "),
);

function pick(terms: readonly VocabularyTerm[], random: Random): string | undefined {
  return terms.length === 0 ? undefined : random.pick(terms).term;
}
