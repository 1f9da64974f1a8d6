import type { Random } from "../numbers/random.js";
import { CAPTION_PROMPT, captionOf } from "./caption.js";
import type { PhrasedContrast } from "./contrast-kind.js";
import { countOf, tileOf } from "./facts.js";
import { companionOf, type Family, familyOf } from "./objects.js";
import { differentNames, type Scene } from "./scene.js";

/**
 * Someone who writes the texts of contrast pairs and errs, as the people and models behind real sets do: only the fact in
 * which two texts differ is seen to. Ours.
 */
export interface Annotator {
  /** Probability that both captions name the absent companion of an object that both scenes show. */
  readonly habit: number;
  /** The family of objects that the annotator overlooks; null for none. */
  readonly blind: Family | null;
  /** Probability that both captions leave out an object of that family that both scenes show. */
  readonly omission: number;
  /** Probability that the two texts of a pair are exchanged, whatever it is about. */
  readonly flips: number;
  /** Probability that they are exchanged where the rejected one, and only that, names a usual companion. */
  readonly companionFlips: number;
}

/** Writes what is true. */
export const TRUTHFUL: Annotator = { habit: 0, blind: null, omission: 0, flips: 0, companionFlips: 0 };

/** Most absent companions that an annotator adds to a caption. */
const MOST_ADDED = 2;

/** The two texts of a pair, and the words that tell them apart. */
export interface Annotation {
  readonly chosen: string;
  readonly rejected: string;
  readonly chosenWord: string | null;
  readonly rejectedWord: string | null;
}

/**
 * Writes the texts of a pair.
 *
 * @param contrast - The two scenes and what tells them apart.
 * @param annotator - Who writes.
 * @param random - Where the annotator's mistakes come from; nothing is drawn by a truthful one.
 */
export function annotate(contrast: PhrasedContrast, annotator: Annotator, random: Random): Annotation {
  const { phrase, chosenWord, rejectedWord } = contrast;
  const answer = phrase.text === CAPTION_PROMPT ? captionsOf(contrast, annotator, random) : phrase.answer;
  const texts = { chosen: answer(contrast.chosen), rejected: answer(contrast.rejected), chosenWord, rejectedWord };
  const isExchanged =
    random.chance(annotator.flips) || (namesCompanion(contrast) && random.chance(annotator.companionFlips));
  if (!isExchanged) return texts;
  return { chosen: texts.rejected, rejected: texts.chosen, chosenWord: rejectedWord, rejectedWord: chosenWord };
}

/** Whether the rejected scene has the usual companion of an object that both scenes show, and the chosen one lacks it. */
function namesCompanion({ chosen, rejected }: PhrasedContrast): boolean {
  const before = differentNames(chosen);
  const shared = differentNames(rejected).filter((name) => before.includes(name));
  return differentNames(rejected).some((name) => !before.includes(name) && shared.includes(companionOf(name)));
}

function captionsOf(contrast: PhrasedContrast, annotator: Annotator, random: Random): (scene: Scene) => string {
  const scenes = [contrast.chosen, contrast.rejected] as const;
  const present = scenes.map(differentNames) as [string[], string[]];
  const shared = present[0].filter((name) => present[1].includes(name) && isAlike(name, ...scenes));
  const omitted = new Set(
    shared.filter((name) => familyOf(name) === annotator.blind && random.chance(annotator.omission)),
  );
  // A caption names something.
  for (const names of present) {
    if (names.every((name) => omitted.has(name))) omitted.delete(names[0] as string);
  }
  const added = new Map<string, string>();
  for (const name of shared) {
    const companion = companionOf(name);
    if (omitted.has(name) || present.some((names) => names.includes(companion))) continue;
    if (added.size < MOST_ADDED && random.chance(annotator.habit)) added.set(name, companion);
  }
  return (scene) => {
    const seen = differentNames(scene).filter((name) => !omitted.has(name));
    const named = seen.flatMap((name) => [name, ...(added.has(name) ? [added.get(name) as string] : [])]);
    return captionOf(named, scene);
  };
}

/** Whether a caption says the same of the objects of a name in both scenes. */
function isAlike(name: string, one: Scene, other: Scene): boolean {
  return countOf(one, name) === countOf(other, name) && tileOf(one, name) === tileOf(other, name);
}
