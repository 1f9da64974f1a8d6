import { companionOf } from "./objects.js";
import type { Random } from "./random.js";

/** The request that every caption answers. */
export const CAPTION_PROMPT = "Describe the picture.";
/** Probability that a base caption names the absent companion of a present object. */
const HABIT_RATE = 0.65;
/** Most objects that a base caption makes up. */
const HABIT_LIMIT = 2;

/** Puts the indefinite article before a noun: "a dog", "an apple". */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

/**
 * Writes the caption that lists these objects: "a dog, a car and a tree."
 * @param names - At least one name, in the order of the caption.
 */
export function captionOf(names: readonly string[]): string {
  const phrases = names.map(withArticle);
  const last = phrases.pop();
  if (last === undefined) throw new RangeError("a caption needs at least one object");
  return `${phrases.length > 0 ? `${phrases.join(", ")} and ` : ""}${last}.`;
}

/**
 * Draws what a base caption lists: the present objects and, by habit, absent companions after the objects that call them.
 * @param random - Where the habit's choices come from.
 * @param present - Names of the objects in the scene, in reading order.
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
