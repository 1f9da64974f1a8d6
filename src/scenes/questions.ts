import { withArticle } from "./caption.js";
import { absentCompanions, OBJECTS } from "./objects.js";
import type { Random } from "./random.js";

/** What a yes/no question is answered with. */
export type YesNo = "Yes." | "No.";

/** A yes/no question about one object, with the true answer. */
export interface Question {
  readonly text: string;
  readonly answer: YesNo;
  /** Name of the object asked for. */
  readonly object: string;
}

/** Asks for an object of a scene. */
export function questionAbout(object: string, present: readonly string[]): Question {
  const answer = present.includes(object) ? "Yes." : "No.";
  return { text: `Is there ${withArticle(object)} in the picture?`, answer, object };
}

/** Names the object that a question of ours asks for, or null for any other text. */
export function objectAsked(text: string): string | null {
  return /^Is there an? ([a-z]+) in the picture\?$/.exec(text)?.[1] ?? null;
}

function absentNames(present: readonly string[]): string[] {
  return OBJECTS.map((object) => object.name).filter((name) => !present.includes(name));
}

/** Draws two or four questions about a base scene, half of them with the answer yes. */
export function baseQuestions(random: Random, present: readonly string[]): Question[] {
  const half = present.length >= 2 && random.chance(0.5) ? 2 : 1;
  const asked = [...random.sample(present, half), ...random.sample(absentNames(present), half)];
  return random.sample(asked).map((name) => questionAbout(name, present));
}

/**
 * Draws two questions about an evaluation scene, one with the answer yes.
 * @param askCompanion - Whether the absent object is a usual companion of a present one, where one is absent.
 */
export function evaluationQuestions(random: Random, present: readonly string[], askCompanion: boolean): Question[] {
  const companions = absentCompanions(present);
  const absent = random.pick(askCompanion && companions.length > 0 ? companions : absentNames(present));
  return random.sample([random.pick(present), absent]).map((name) => questionAbout(name, present));
}
