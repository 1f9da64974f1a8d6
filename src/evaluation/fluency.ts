import { captionObjects } from "./caption-objects.js";

/** How well formed captions are, whatever they say of the pictures. */
export interface Fluency {
  captions: number;
  /** Captions with a word that no true caption has, such as two words run together. */
  foreign: number;
  /** Captions that name one object more than once. */
  repeating: number;
  /** Words of all captions together. */
  words: number;
}

/**
 * Counts malformed captions.
 *
 * @param captions - What a model said.
 * @param vocabulary - Names of all objects of the world.
 * @param words - Every word that a true caption can have, in lower case.
 */
export function captionFluency(
  captions: readonly string[],
  vocabulary: ReadonlySet<string>,
  words: ReadonlySet<string>,
): Fluency {
  const fluency: Fluency = { captions: captions.length, foreign: 0, repeating: 0, words: 0 };
  for (const caption of captions) {
    const said = caption.match(/\p{L}+/gu) ?? [];
    const objects = captionObjects(caption, vocabulary);
    fluency.words += said.length;
    if (said.some((word) => !words.has(word.toLowerCase()))) fluency.foreign++;
    if (new Set(objects).size < objects.length) fluency.repeating++;
  }
  return fluency;
}
