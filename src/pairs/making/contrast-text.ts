import type { Random } from "../../numbers/random.js";
import { singularOf } from "../../english/noun-number.js";
import type { Caption, CaptionReader } from "./caption.js";
import type { MakingRow } from "./making-row.js";
import type { NounPhrase } from "./noun-phrase.js";
import type { Things } from "./things.js";
import type { Vocabulary } from "./vocabulary.js";

/** A text that differs from a caption in one fact. */
export interface TextContrast {
  /** What kind of fact. */
  readonly kind: string;
  /** The kind in more detail. */
  readonly detail: string;
  readonly rejected: string;
  /** Words of the caption that the text lacks, in lower case; null where it only adds. */
  readonly chosenWord: string | null;
  /** Words of the text that the caption lacks, in lower case; null where it only leaves out. */
  readonly rejectedWord: string | null;
}

/** What the making of a text can look up. */
export interface MakingContext {
  readonly reader: CaptionReader;
  readonly things: Things;
  readonly vocabulary: Vocabulary;
}

/** A caption on its way: as it was read, and everything else that is known to be in the image. */
export interface ReadRow extends MakingRow {
  readonly caption: Caption;
  /** Nouns of all texts and annotations, singular. */
  readonly mentioned: readonly string[];
}

/** One way of making a text false. */
export interface TextContrastKind {
  readonly name: string;
  /**
   * Changes one fact.
   *
   * @param row - A caption and what is known of its image.
   * @param context - See there.
   * @param random - Where the choices come from.
   * @returns The text, or null where the caption has no fact of this kind that can be changed safely.
   */
  propose(row: ReadRow, context: MakingContext, random: Random): TextContrast | null;
}

/**
 * Reads a row's texts.
 *
 * @param row - What is known of an image.
 * @param reader - Reads captions.
 */
export function readRow(row: MakingRow, reader: CaptionReader): ReadRow {
  const caption = row.caption ?? reader.read(row.chosen);
  const mentioned = new Set(row.objects ?? []);
  for (const each of [
    caption,
    ...row.captions.filter((text) => text !== row.chosen).map((text) => reader.read(text)),
  ]) {
    for (const phrase of each.phrases) {
      mentioned.add(phrase.term);
      mentioned.add(phrase.head);
    }
    // A noun that the tagger took for something else is mentioned nevertheless.
    for (const { lower } of each.tokens) {
      if (reader.morphy.isWord(lower, "noun")) mentioned.add(lower);
      else if (lower.endsWith("s")) mentioned.add(singularOf(lower, reader.morphy));
    }
  }
  return { ...row, caption, mentioned: [...mentioned] };
}

/** Whether nothing that is known of the image may be this thing. */
export function isAbsent(term: string, row: ReadRow, { things }: MakingContext): boolean {
  return row.mentioned.every((other) => !things.mayBeSame(term, other));
}

/** Name of the annotated object that a noun of the caption stands for; undefined where none is annotated. */
export function annotatedAs(term: string, row: MakingRow, { things }: MakingContext): string | undefined {
  return row.objects?.find((name) => name === term) ?? row.objects?.find((name) => things.mayBeSame(name, term));
}

/** Whether a phrase names one thing, once in the text, that the image certainly shows. */
export function isFact(phrase: NounPhrase, row: ReadRow, context: MakingContext): boolean {
  if (!phrase.sure) return false;
  // What is annotated is a thing, whatever WordNet says.
  if (context.things.classOf(phrase.term) === undefined && row.objects?.includes(phrase.term) !== true) return false;
  if (isDenied(phrase, row.caption)) return false;
  if (row.objects !== null && annotatedAs(phrase.term, row, context) === undefined) return false;
  return isNamedOnce(phrase, row.caption, context);
}

/** Whether no other words of the text may mean the same thing: "a dog ... the animal". */
function isNamedOnce(phrase: NounPhrase, { phrases, tokens }: Caption, { things, reader }: MakingContext): boolean {
  const others = phrases.filter((other) => other !== phrase);
  if (others.some((other) => things.mayBeSame(phrase.term, other.term) || other.head === phrase.head)) return false;
  return !tokens.some(({ lower }, at) => {
    if (at >= phrase.from && at < phrase.to) return false;
    return lower === phrase.head || (lower.endsWith("s") && singularOf(lower, reader.morphy) === phrase.head);
  });
}

const NO =
  /^(?:no|not|n['\u2019]t|never|without|nothing|none|neither|nor|no-one|nobody|missing|lacks?|lacking|absent)$/;

/** Whether a sentence denies something, before or around a phrase. */
export function isDenied({ from }: NounPhrase, { tokens, sentences }: Caption): boolean {
  const sentence = sentences.find(([first, last]) => from >= first && from < last);
  return sentence !== undefined && tokens.slice(...sentence).some(({ lower }) => NO.test(lower));
}

/** Whether the word that begins at a token is itself denied: "no dog", "without a hat". */
export function isDeniedAt(from: number, { tokens }: Caption): boolean {
  return [tokens[from], tokens[from - 1]].some((token) => token !== undefined && NO.test(token.lower));
}

/** The words of a phrase's name as the text has them, in lower case. */
export function nameOf(phrase: NounPhrase, { tokens }: Caption): string {
  return tokens
    .slice(phrase.name, phrase.to)
    .map(({ lower }) => lower)
    .join(" ");
}
