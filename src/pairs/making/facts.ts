import { isDenied, isDeniedAt, type MakingContext } from "./contrast-text.js";
import { singularOf } from "../../english/noun-number.js";
import { isAttributeWord } from "./contrast-attribute.js";
import { relationsIn } from "./contrast-relation.js";
import type { Caption } from "./caption.js";
import type { MakingRow } from "./making-row.js";
import type { NounPhrase } from "./noun-phrase.js";
import { numberOf } from "./number-words.js";

/**
 * A fact as a key: "o:dog" (a dog is there), "n:dog:2" (two of them), "a:dog:brown" (a brown one), "r:above:dog"
 * (something is above one).
 */
export type Fact = string;

/** Letter with which the keys of a kind of contrast begin; kinds that are not listed may change any fact. */
export const FACT_OF_KIND: Readonly<Record<string, string | undefined>> = {
  object: "o",
  presence: "o",
  count: "n",
  attribute: "a",
  relation: "r",
  position: "r",
};

/**
 * Reads the facts out of a text.
 *
 * @param caption - As it was read.
 * @param context - See there.
 * @param names - Names that the set's annotations use; a phrase that is one of them is taken whole.
 */
export function factsOfText(
  caption: Caption,
  { things, reader }: MakingContext,
  names: ReadonlySet<string>,
): Set<Fact> {
  const facts = new Set<Fact>();
  const { tokens } = caption;
  const named = caption.phrases.map((phrase) => nameIn(phrase, caption, names));
  for (const [at, phrase] of caption.phrases.entries()) {
    const name = named[at] as string;
    if (isDeniedAt(phrase.from, caption) || (!names.has(name) && things.classOf(phrase.term) === undefined)) continue;
    facts.add(`o:${name}`);
    const article = phrase.determiner === undefined ? "" : (tokens[phrase.determiner]?.lower ?? "");
    const numeral = phrase.numeral === undefined ? undefined : numberOf(tokens[phrase.numeral]?.lower ?? "");
    if (numeral !== undefined) facts.add(`n:${name}:${numeral}`);
    else if (!phrase.plural && /^an?$/.test(article)) facts.add(`n:${name}:1`);
    for (const modifier of phrase.modifiers) {
      const word = tokens[modifier]?.lower ?? "";
      if (isAttributeWord(word)) facts.add(`a:${name}:${word}`);
    }
    const after = tokens[phrase.to + 1]?.lower ?? "";
    if (/^(?:is|are|was|were)$/.test(tokens[phrase.to]?.lower ?? "") && isAttributeWord(after)) {
      facts.add(`a:${name}:${after}`);
    }
  }
  // A noun that the tagger took for something else: "a yellow key".
  const read = new Set(
    caption.phrases.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at)),
  );
  for (const [at, { lower }] of tokens.entries()) {
    if (read.has(at) || isDeniedAt(at, caption)) continue;
    const name = names.has(lower) ? lower : lower.endsWith("s") ? singularOf(lower, reader.morphy) : undefined;
    if (name !== undefined && names.has(name)) facts.add(`o:${name}`);
  }
  for (const { words, to } of relationsIn(caption)) {
    const at = caption.phrases.findIndex((phrase) => phrase.from === to);
    // What is denied stands nowhere.
    const object = caption.phrases[at];
    if (object !== undefined && !isDenied(object, caption)) facts.add(`r:${words}:${named[at]}`);
  }
  return facts;
}

/**
 * Everything that is known of a row's image. Where it is annotated, objects and their numbers are the annotations';
 * the rest is the texts'.
 *
 * @param row - What is known.
 * @param context - See there.
 */
export function factsOfRow(row: MakingRow, context: MakingContext): Set<Fact> {
  const names = new Set(row.objects ?? []);
  const facts = new Set<Fact>();
  for (const text of new Set([row.chosen, ...row.captions])) {
    for (const fact of factsOfText(context.reader.read(text), context, names)) {
      if (row.objects === null || !/^[on]:/.test(fact)) facts.add(fact);
    }
  }
  for (const name of names) facts.add(`o:${name}`);
  for (const [name, count] of row.counts ?? []) facts.add(`n:${name}:${count}`);
  for (const [name, words] of row.attributes ?? []) for (const word of words) facts.add(`a:${name}:${word}`);
  return facts;
}

/** What a phrase names, in the words of the annotations where it can be. */
export function nameIn(phrase: NounPhrase, { tokens }: Caption, names: ReadonlySet<string>): string {
  for (let from = phrase.name; from < phrase.to; from++) {
    const words = [...tokens.slice(from, phrase.to - 1).map(({ lower }) => lower), phrase.head].join(" ");
    if (names.has(words)) return words;
  }
  return phrase.term;
}
