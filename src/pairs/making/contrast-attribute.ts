import type { Random } from "../../numbers/random.js";
import { annotatedAs, isDenied, type MakingContext, type ReadRow, type TextContrastKind } from "./contrast-text.js";
import { rewritten } from "./edit.js";
import type { NounPhrase } from "./noun-phrase.js";
import type { ThingClass } from "./things.js";

/** Colours around the wheel; the greys stand apart from it. */
const HUES = ["red", "orange", "yellow", "green", "blue", "purple", "pink"];
const OTHER_COLOURS = ["black", "white", "brown", "gray"];
const COLOURS = new Set([...HUES, ...OTHER_COLOURS, "grey"]);
/** Colours that people use for each other. */
const CONFUSED: readonly (readonly string[])[] = [
  ["gray", "grey"],
  ["pink", "purple"],
  ["brown", "orange"],
  ["red", "orange"],
  ["orange", "yellow"],
  ["blue", "purple"],
  ["red", "pink"],
  ["black", "gray"],
  ["white", "gray"],
  ["black", "brown"],
];
/** Shades before a colour; not every colour has them all. */
const SHADES = new Set("light dark bright pale deep".split(" "));
/** Words between which a colour is but one of several: "red and white". */
const LISTING = new Set(["and", "or", ",", "/", "&"]);

/** Adjectives that exclude each other, and of what they are said; both ways unless the second is no word of its own. */
const OPPOSITES: readonly (readonly [
  one: string,
  other: string,
  of: readonly ThingClass[] | "any",
  reverse: boolean,
])[] = [
  ["young", "old", ["person"], true],
  ["elderly", "young", ["person"], false],
  ["old", "new", ["thing", "place"], true],
  ["small", "large", ["thing", "place"], true],
  ["little", "big", ["thing"], true],
  ["tiny", "huge", ["thing"], true],
  ["tall", "short", ["person", "thing"], false],
  ["wooden", "metal", ["thing"], true],
  ["plastic", "wooden", ["thing"], false],
  ["wet", "dry", "any", true],
  ["open", "closed", ["thing"], true],
  ["full", "empty", ["thing"], true],
  ["clean", "dirty", ["thing", "place"], true],
  ["ripe", "rotten", ["thing"], false],
  ["round", "square", ["thing"], true],
  ["striped", "plain", ["thing"], false],
];

/** A thing's colour, size, age, material or state is another. */
export const attributeContrast: TextContrastKind = {
  name: "attribute",
  propose(row, context, random) {
    const { caption } = row;
    const places = random.sample(caption.tokens.map((_, at) => at).filter((at) => isAttribute(at, row)));
    for (const at of places) {
      const { lower } = caption.tokens[at] as { lower: string };
      const phrase = describedBy(at, row);
      if (phrase === undefined || isDenied(phrase, caption)) continue;
      const kind = context.things.classOf(phrase.term);
      if (kind === undefined) continue;
      const other = COLOURS.has(lower) ? colourFor(at, phrase, row, context, random) : oppositeOf(lower, kind, random);
      if (other === undefined || caption.tokens.some((token) => token.lower === other)) continue;
      if (isTrueToo(other, phrase, row, context)) continue;
      return {
        kind: "attribute",
        detail: COLOURS.has(lower) ? `colour_${areNear(lower, other) ? "near" : "far"}` : "opposite",
        rejected: rewritten(caption, [{ from: at, to: at + 1, words: other }]),
        chosenWord: lower,
        rejectedWord: other,
      };
    }
    return null;
  },
};

/** Whether an adjective says what another one would make false. */
export function isAttributeWord(word: string): boolean {
  return COLOURS.has(word) || OPPOSITES.some(([one, other]) => word === one || word === other);
}

function isAttribute(at: number, { caption }: ReadRow): boolean {
  const { lower, tag } = caption.tokens[at] as { lower: string; tag: string };
  if (COLOURS.has(lower)) return true;
  return (
    /^(?:JJ|VBN|NN$)/.test(tag) &&
    OPPOSITES.some(([one, other, , reverse]) => lower === one || (reverse && lower === other))
  );
}

/** The thing that an adjective is said of: the one that it stands before, or the subject of "is". */
function describedBy(at: number, { caption }: ReadRow): NounPhrase | undefined {
  const { phrases, tokens } = caption;
  const [before, after] = [tokens[at - 1]?.lower ?? "", tokens[at + 1]?.lower ?? ""];
  if (LISTING.has(before) || LISTING.has(after) || SHADES.has(before) || /^(?:very|too|more|most|less)$/.test(before)) {
    // "a large, red ball" lists different facts, but "red, white and blue" one.
    return undefined;
  }
  const attributive = phrases.find((phrase) => at >= phrase.from && at < phrase.name && phrase.modifiers.includes(at));
  if (attributive !== undefined) {
    const rest = tokens.slice(at + 1, attributive.to).map((token) => token.lower);
    const several = rest.concat(before).some((word) => COLOURS.has(word)) && COLOURS.has(tokens[at]?.lower ?? "");
    return several || !attributive.sure ? undefined : attributive;
  }
  if (/^(?:is|are|was|were)$/.test(before) && !/^[\p{L}\p{N}]/u.test(tokens[at + 1]?.text ?? ".")) {
    const subject = phrases.find((phrase) => phrase.to === at - 1);
    const clauseStart = subject === undefined ? false : isClauseStart(subject.from, caption);
    return subject?.sure === true && clauseStart ? subject : undefined;
  }
  return undefined;
}

function isClauseStart(from: number, { tokens }: ReadRow["caption"]): boolean {
  return tokens[from]?.first === true || /^(?:and|while|as|but|,|;)$/.test(tokens[from - 1]?.lower ?? "");
}

function colourFor(
  at: number,
  phrase: NounPhrase,
  { caption }: ReadRow,
  { reader }: MakingContext,
  random: Random,
): string | undefined {
  const { lower } = caption.tokens[at] as { lower: string };
  // "a brown bear" and "red wine" are kinds of things; their other colours may be no kind at all.
  if (reader.morphy.isWord(`${lower}_${phrase.head}`, "noun")) return undefined;
  const own = lower === "grey" ? "gray" : lower;
  const others = [...HUES, ...OTHER_COLOURS].filter((colour) => colour !== own && !areConfused(colour, own));
  const fitting = others.filter(
    (colour) =>
      !reader.morphy.isWord(`${colour}_${phrase.head}`, "noun") &&
      !caption.tokens.some((token) => token.lower === colour),
  );
  return fitting.length === 0 ? undefined : random.pick(fitting);
}

function areConfused(one: string, other: string): boolean {
  return CONFUSED.some((pair) => pair.includes(one) && pair.includes(other));
}

/** Two steps on the wheel, or two of the greys. */
function areNear(one: string, other: string): boolean {
  const [first, second] = [HUES.indexOf(one), HUES.indexOf(other)];
  if (first < 0 || second < 0) return first < 0 && second < 0;
  const steps = Math.abs(first - second);
  return Math.min(steps, HUES.length - steps) <= 2;
}

function oppositeOf(word: string, kind: ThingClass, random: Random): string | undefined {
  const found = OPPOSITES.flatMap(([one, other, of, reverse]) => {
    if (of !== "any" && !of.includes(kind)) return [];
    if (word === one) return [other];
    return reverse && word === other ? [one] : [];
  });
  return found.length === 0 ? undefined : random.pick(found);
}

/** Whether the annotations say the other word of the same thing, or of another of its name. */
function isTrueToo(word: string, phrase: NounPhrase, row: ReadRow, context: MakingContext): boolean {
  const name = annotatedAs(phrase.term, row, context);
  return name !== undefined && row.attributes?.get(name)?.has(word) === true;
}
