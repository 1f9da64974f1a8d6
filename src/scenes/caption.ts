import { articleFor } from "../english/article.js";
import { plural } from "../english/noun-number.js";
import { countOf, NUMBERS, tileOf } from "./facts.js";
import { companionOf, OBJECTS } from "./objects.js";
import type { Random } from "../numbers/random.js";
import { type Scene, TILE_COLOURS } from "./scene.js";

/** The request that every caption answers. */
export const CAPTION_PROMPT = "Describe the picture.";
/** Probability that a base caption names the absent companion of a present object. */
const HABIT_RATE = 0.65;
/** Most objects that a base caption makes up. */
const HABIT_LIMIT = 2;

/** Every word that a true caption can have, in lower case. */
export const CAPTION_WORDS: ReadonlySet<string> = new Set([
  ...["a", "an", "and", "on", "tile"],
  // One of a kind has an article.
  ...NUMBERS.slice(1),
  ...TILE_COLOURS,
  ...OBJECTS.flatMap(({ name }) => [name, plural(name)]),
]);

/** Puts the indefinite article before a noun or adjective: "a dog", "an apple". */
export function withArticle(word: string): string {
  return `${articleFor(word)} ${word}`;
}

// An object that the scene lacks is named as if it were there once.
function phraseOf(name: string, scene: Scene | undefined): string {
  const count = scene === undefined ? 1 : countOf(scene, name);
  if (count > 1) return `${NUMBERS[count - 1]} ${plural(name)}`;
  const tile = scene === undefined ? null : tileOf(scene, name);
  return `${withArticle(name)}${tile === null ? "" : ` on ${withArticle(tile)} tile`}`;
}

/**
 * Writes the caption that lists these objects: "two dogs, a car on a red tile and a tree."
 * @param names - At least one name, each once, in the order of the caption.
 * @param scene - Tells how many there are and what they stand on; left out, every object is there once and on no tile.
 */
export function captionOf(names: readonly string[], scene?: Scene): string {
  const phrases = names.map((name) => phraseOf(name, scene));
  const last = phrases.pop();
  if (last === undefined) throw new RangeError("a caption needs at least one object");
  return `${phrases.length > 0 ? `${phrases.join(", ")} and ` : ""}${last}.`;
}

/**
 * Samples what a base caption lists: the present objects and, by habit, absent companions after the objects that call them.
 * @param random - Where the habit's choices come from.
 * @param present - Different names of the objects in the scene, in reading order.
 */
export function habitNames(random: Random, present: readonly string[]): string[] {
  const named: string[] = [];
  let added = 0;
  for (const name of present) {
    named.push(name);
    const companion = companionOf(name);
    if (!present.includes(companion) && added < HABIT_LIMIT && random.chance(HABIT_RATE)) {
      named.push(companion);
      added++;
    }
  }
  return named;
}
