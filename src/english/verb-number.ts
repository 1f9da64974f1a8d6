import type { Morphy } from "./morphy.js";

const PLURAL_OF: ReadonlyMap<string, string> = new Map([
  ["is", "are"],
  ["was", "were"],
  ["has", "have"],
  ["does", "do"],
  ["goes", "go"],
  ["isn't", "aren't"],
]);
const SINGULAR_OF: ReadonlyMap<string, string> = new Map([...PLURAL_OF].map(([one, many]) => [many, one]));

/**
 * The form of a verb of the third person singular that goes with a plural subject.
 *
 * @param verb - For example "sits".
 * @param morphy - Knows base forms.
 * @returns For example "sit"; undefined where the base form is unknown.
 */
export function verbOfMany(verb: string, morphy: Morphy): string | undefined {
  const known = PLURAL_OF.get(verb);
  if (known !== undefined) return known;
  // "rides" is of "ride", not of "rid".
  if (verb.endsWith("s") && morphy.isWord(verb.slice(0, -1), "verb")) return verb.slice(0, -1);
  const base = morphy.lemma(verb, "verb");
  return base !== verb && morphy.isWord(base, "verb") ? base : undefined;
}

/**
 * The form of a verb of the present that goes with one of the third person.
 *
 * @param verb - As it goes with several, for example "watch".
 * @returns For example "watches".
 */
export function verbOfOne(verb: string): string {
  const known = SINGULAR_OF.get(verb);
  if (known !== undefined) return known;
  if (/(?:s|x|z|ch|sh|o)$/.test(verb)) return `${verb}es`;
  return /[^aeiou]y$/.test(verb) ? `${verb.slice(0, -1)}ies` : `${verb}s`;
}
