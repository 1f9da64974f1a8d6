import { singular } from "../english/singular.js";

/** A piece of a caption: a word with the object it names (null: none), or what stands between two words. */
export interface CaptionPart {
  text: string;
  object: string | null;
}

/**
 * Cuts a caption into words and the text between them; joined again the parts give the caption.
 *
 * @param caption - Any text.
 * @param vocabulary - Names of all objects of the world: single lower-case words; their plurals name them too.
 * @returns Parts in reading order, each with the object that it names.
 */
export function captionParts(caption: string, vocabulary: ReadonlySet<string>): CaptionPart[] {
  return (caption.match(/\p{L}+|\P{L}+/gu) ?? []).map((text) => {
    const word = text.toLowerCase();
    return { text, object: [word, singular(word)].find((name) => vocabulary.has(name)) ?? null };
  });
}

/**
 * Objects that a caption names, every mention counted, in reading order.
 *
 * @param caption - Any text.
 * @param vocabulary - Names of all objects of the world: single lower-case words.
 * @returns Object names; one that is named twice stands twice.
 */
export function captionObjects(caption: string, vocabulary: ReadonlySet<string>): string[] {
  return captionParts(caption, vocabulary).flatMap((part) => (part.object === null ? [] : [part.object]));
}
