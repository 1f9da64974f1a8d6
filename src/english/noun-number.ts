import pluralize from "pluralize";
import type { Morphy } from "./morphy.js";

/** Things of images that English does not count: no article, no plural. */
const MASS = new Set(
  (
    "bacon baggage beef beer bread broccoli butter cardboard cash cattle celery cheese chicken clothing coffee concrete corn cutlery " +
    "dirt equipment fabric fish food foliage fruit fur furniture garbage garlic gear glass grass gravel greenery ham hair hay ice jewelry " +
    "juice ketchup lettuce linen litter luggage machinery mail meat merchandise metal milk money mud mustard paper parsley " +
    "pasta pavement pepper plastic pork produce rain rice rubble salad salt sand sauce scenery seaweed shrubbery signage silverware " +
    "smoke snow soap soda soil soup spaghetti spinach stone straw sugar sunlight sushi tea tableware traffic trash underwear vegetation " +
    "water wildlife wine wood wool yarn yogurt"
  ).split(" "),
);
/** Of those, the ones that are counted as well: "a fish", "two glasses". */
const COUNTED_TOO = new Set(
  "beer chicken coffee fish fruit glass paper pepper salad soda stone sauce soup tea wine".split(" "),
);
/** Things that have only a plural. */
const PLURAL_ONLY = new Set(
  (
    "binoculars clothes earphones eyeglasses goggles headphones jeans leggings overalls pajamas pants pliers pyjamas scissors " +
    "shears shorts sunglasses swimming_trunks tights tongs trousers tweezers"
  ).split(" "),
);
/** Words in -s that are singular. */
const SINGULAR_IN_S = /(?:ss|us|is|as)$/;
/** Plurals of the library that people rarely write of things in images. */
const PLURALS: ReadonlyMap<string, string> = new Map([
  ["canvas", "canvases"],
  ["octopus", "octopuses"],
  ["chassis", "chassis"],
  ["human", "humans"],
  ["gateau", "gateaux"],
  ["dwarf", "dwarfs"],
]);
const SINGULARS: ReadonlyMap<string, string> = new Map([
  ["canvases", "canvas"],
  ["lenses", "lens"],
  ["cookies", "cookie"],
  ["buses", "bus"],
  ["axes", "axe"],
]);

/**
 * Plural of a noun, or of a compound by its last word.
 *
 * @param noun - Lower-case singular, for example "teddy bear".
 */
export function plural(noun: string): string {
  const { first, last } = parts(noun);
  return first + (PLURALS.get(last) ?? pluralize.plural(last));
}

/**
 * Singular of a plural noun, or of a compound by its last word.
 *
 * @param noun - Lower-case plural.
 * @param morphy - Knows words.
 */
export function singularOf(noun: string, morphy: Morphy): string {
  const { first, last } = parts(noun);
  const known = SINGULARS.get(last);
  if (known !== undefined) return first + known;
  const byEnding = pluralize.singular(last);
  return first + (morphy.isWord(byEnding, "noun") ? byEnding : morphy.lemma(last, "noun"));
}

/** Whether a singular noun can take "a" or "two". */
export function isCounted(noun: string): boolean {
  const { last } = parts(noun);
  return (!MASS.has(last) || COUNTED_TOO.has(last)) && !isPluralOnly(noun);
}

/** Whether a singular noun is always counted: bare, without an article, it would be wrong. */
export function isAlwaysCounted(noun: string): boolean {
  return isCounted(noun) && !MASS.has(parts(noun).last);
}

/** Whether a noun has only a plural: "scissors". */
export function isPluralOnly(noun: string): boolean {
  return PLURAL_ONLY.has(parts(noun).last);
}

/** Whether a word in the form of a plural may be one: "glasses", not "bus". */
export function looksPlural(word: string, morphy: Morphy): boolean {
  if (isPluralOnly(word)) return true;
  const single = singularOf(word, morphy);
  if (single === word) return false;
  return !(SINGULAR_IN_S.test(word) && morphy.isWord(word, "noun") && plural(single) !== word);
}

function parts(noun: string): { first: string; last: string } {
  const at = noun.lastIndexOf(" ") + 1;
  return { first: noun.slice(0, at), last: noun.slice(at) };
}
