import { CAPTION_PROMPT, captionOf } from "./caption.js";
import type { Kind } from "./kinds.js";
import type { Random } from "../numbers/random.js";
import { differentNames, type Scene } from "./scene.js";

/** A request and the answer that is true of a scene. */
export interface Phrase {
  readonly text: string;
  readonly answer: (scene: Scene) => string;
}

/** Two scenes that differ in one fact, and how to put that fact into words. */
export interface Contrast {
  readonly chosen: Scene;
  readonly rejected: Scene;
  /** What kind of difference it is, more finely than the kind's name. */
  readonly detail: string;
  /** The word of the chosen statement that the rejected one lacks, where one word tells them apart. */
  readonly chosenWord: string | null;
  /** The word of the rejected statement that the chosen one lacks, where one word tells them apart. */
  readonly rejectedWord: string | null;
  /** Asks for a statement in which the fact shows. */
  readonly statement: Phrase;
  /** Yes/no questions with different answers for the two scenes. */
  readonly questions: readonly Phrase[];
}

/** The contrast of one row and the phrase that distinguishes its scenes. */
export interface PhrasedContrast extends Contrast {
  readonly kind: string;
  readonly phrase: Phrase;
}

/** One way in which two scenes differ. */
export interface ContrastKind {
  readonly name: Kind;
  /**
   * Proposes a contrast.
   * @param random - Where the choices come from.
   * @param turn - Counts the pairs of this kind, so that details can alternate.
   * @param kinds - The kinds of facts in the world.
   * @returns A contrast, or null when the scene drawn has none of this detail.
   */
  propose(random: Random, turn: number, kinds: readonly Kind[]): Contrast | null;
}

/** The caption that lists everything in the scene. */
export const STATEMENT: Phrase = {
  text: CAPTION_PROMPT,
  answer: (scene) => captionOf(differentNames(scene), scene),
};
