import type { Caption } from "./caption.js";
import { isAttributeWord } from "./contrast-attribute.js";
import { isDeniedAt, type MakingContext } from "./contrast-text.js";
import { nameIn } from "./facts.js";
import type { MakingRow } from "./making-row.js";
import type { NounPhrase } from "./noun-phrase.js";
import { numberOf } from "./number-words.js";

/** What annotations say of an image. */
export type Annotated = Pick<MakingRow, "objects" | "counts" | "attributes">;

/** Words that state nothing beside that something is there or not. */
const STATING = new Set(
  (
    "a an the there is are was were and or no not any some this that these those one in of it which " +
    "picture image photo photograph scene show shows shown contain contains has have can be see seen visible"
  ).split(" "),
);

/**
 * Whether a text is true of an annotated image.
 *
 * @param text - As it was read.
 * @param shown - What is annotated of the image.
 * @param context - See there.
 * @param names - Names that the set's annotations use; an image without one of them shows no such thing.
 * @param exactly - Things that a number, or "a", counts exactly; elsewhere "a dog" says that one is there at least.
 * @returns Null where the annotations do not tell: the text says more than they do, or something about a place or an act.
 */
export function truthByAnnotations(
  text: Caption,
  shown: Annotated,
  { names, exactly, context }: { names: ReadonlySet<string>; exactly: ReadonlySet<string>; context: MakingContext },
): boolean | null {
  const { objects } = shown;
  if (objects === null) return null;
  const told = new Set<number>();
  let isTold = true;
  for (const phrase of text.phrases) {
    const name = nameIn(phrase, text, names);
    if (!names.has(name)) {
      if (context.things.classOf(phrase.term) !== undefined) isTold = false;
      continue;
    }
    const truth = phraseTruth(phrase, text, {
      shown,
      name,
      isThere: objects.includes(name),
      isExact: exactly.has(name),
    });
    if (truth === false) return false;
    if (truth === null) isTold = false;
    for (const at of wordsOfPhrase(phrase, name, text)) told.add(at);
  }
  const rest = text.tokens.some(({ lower }, at) => !told.has(at) && /\p{L}|\p{N}/u.test(lower) && !STATING.has(lower));
  return isTold && !rest && told.size > 0 ? true : null;
}

function phraseTruth(
  phrase: NounPhrase,
  text: Caption,
  { shown, name, isThere, isExact }: { shown: Annotated; name: string; isThere: boolean; isExact: boolean },
): boolean | null {
  // "No dog" is false where there is one; "a room without dogs" also says that there is a room.
  if (isDeniedAt(phrase.from, text)) return !isThere;
  if (!isThere) return false;
  const numeral = phrase.numeral === undefined ? undefined : numberOf(text.tokens[phrase.numeral]?.lower ?? "");
  const article = phrase.determiner === undefined ? "" : (text.tokens[phrase.determiner]?.lower ?? "");
  const number = numeral ?? (/^an?$/.test(article) && !phrase.plural ? 1 : undefined);
  const count = shown.counts?.get(name);
  const least = number ?? (phrase.plural ? 2 : 1);
  if (count === undefined) return least === 1 && !isExact ? attributesTruth(phrase, text, name, shown) : null;
  if (count < least) return false;
  if (number !== undefined && count > number && (isExact || number > 1)) return isExact ? false : null;
  return attributesTruth(phrase, text, name, shown);
}

/** Of what an annotation leaves out nobody knows. */
function attributesTruth(phrase: NounPhrase, text: Caption, name: string, { attributes }: Annotated): true | null {
  const known = attributes?.get(name);
  const words = phrase.modifiers.map((at) => text.tokens[at]?.lower ?? "");
  return words.every((word) => known?.has(word) === true) ? true : null;
}

/** Tokens of a phrase that its name, number and attributes account for. */
function wordsOfPhrase(phrase: NounPhrase, name: string, { tokens }: Caption): number[] {
  const length = name.split(" ").length;
  const words = Array.from({ length }, (_, at) => phrase.to - 1 - at);
  const attributes = phrase.modifiers.filter((at) => isAttributeWord(tokens[at]?.lower ?? ""));
  return [...words, ...attributes, phrase.determiner, phrase.numeral].filter((at) => at !== undefined);
}
