import { singular } from "../../english/singular.js";
import { CAPTION_WORDS } from "../../scenes/caption.js";
import { OBJECTS } from "../../scenes/objects.js";

/** Names of all objects of the world. */
const WORLD: ReadonlySet<string> = new Set(OBJECTS.map(({ name }) => name));

/** Words beside the names of objects that a model runs together with them: those of captions and of answers. */
const OTHER_WORDS: ReadonlySet<string> = new Set([...CAPTION_WORDS, "yes", "no"]);

/** A piece of a caption: a word with the object it names (null: none), or what stands between two words. */
export interface CaptionPart {
  text: string;
  object: string | null;
}

/**
 * Cuts a caption into words and the text between them; joined again the parts give the caption. Words that are run
 * together ("andpizzas") are parted, where they are known words from end to end: a badly made mention is a mention.
 *
 * @param caption - Any text.
 * @param vocabulary - Names of objects: single lower-case words; their plurals name them too. Left out: the world's.
 * @returns Parts in reading order, each with the object that it names.
 */
export function captionParts(caption: string, vocabulary: ReadonlySet<string> = WORLD): CaptionPart[] {
  const objectOf = (word: string) => [word, singular(word)].find((name) => vocabulary.has(name)) ?? null;
  return (caption.match(/\p{L}+|\P{L}+/gu) ?? []).flatMap((text) => {
    const word = text.toLowerCase();
    const whole = { text, object: objectOf(word) };
    if (whole.object !== null || OTHER_WORDS.has(word)) return [whole];
    const lengths = knownLengths(word, (piece) => objectOf(piece) !== null || OTHER_WORDS.has(piece));
    // In a few languages a letter has another length in lower case; none of the known words is of them.
    if (lengths === null || word.length !== text.length) return [whole];
    let end = 0;
    return lengths.map((length) => {
      const piece = text.slice(end, (end += length));
      return { text: piece, object: objectOf(piece.toLowerCase()) };
    });
  });
}

/** Lengths of known words that make up a word from end to end, the longest that can begin it first; null: there are none. */
function knownLengths(word: string, isKnown: (piece: string) => boolean): number[] | null {
  if (word === "") return [];
  for (let length = word.length; length > 0; length--) {
    if (!isKnown(word.slice(0, length))) continue;
    const rest = knownLengths(word.slice(length), isKnown);
    if (rest !== null) return [length, ...rest];
  }
  return null;
}

/**
 * Objects that a caption names, every mention counted, in reading order.
 *
 * @param caption - Any text.
 * @param vocabulary - Names of objects, as `captionParts` takes them.
 * @returns Object names; one that is named twice stands twice.
 */
export function captionObjects(caption: string, vocabulary: ReadonlySet<string> = WORLD): string[] {
  return captionParts(caption, vocabulary).flatMap((part) => (part.object === null ? [] : [part.object]));
}
