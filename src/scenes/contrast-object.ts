import { type Contrast, type ContrastKind, STATEMENT } from "./contrast-kind.js";
import { uniformNames } from "./evaluation-scenes.js";
import { namesOnce } from "./facts.js";
import type { Kind } from "./kinds.js";
import { companionOf, familyOf, OBJECTS } from "./objects.js";
import type { Random } from "../numbers/random.js";
import { askPresence } from "./questions.js";
import { sampleContents } from "./scene-contents.js";
import { differentNames, type Scene } from "./scene.js";

const DETAILS = ["far", "companion", "family"] as const;

// The stand-ins of each detail never overlap: a usual companion counts as "companion" only.
function standIns(detail: (typeof DETAILS)[number], scene: Scene, replaced: string): string[] {
  const present = differentNames(scene);
  const others = present.filter((name) => name !== replaced);
  if (detail === "companion") {
    const callers = others.length > 0 ? others : [replaced];
    return callers.map(companionOf).filter((name) => !present.includes(name));
  }
  const companions = present.map(companionOf);
  return OBJECTS.filter((object) => (object.family === familyOf(replaced)) === (detail === "family"))
    .map((object) => object.name)
    .filter((name) => !present.includes(name) && !companions.includes(name));
}

/** One object is another object: of a far family, the usual companion of a present object, or of the same family. */
export const objectContrast: ContrastKind = {
  name: "object",
  propose(random: Random, turn: number, kinds: readonly Kind[]): Contrast | null {
    const detail = DETAILS[turn % DETAILS.length] as (typeof DETAILS)[number];
    const chosen = sampleContents(random, uniformNames(random), kinds);
    const once = namesOnce(chosen);
    if (once.length === 0) return null;
    const chosenWord = random.pick(once);
    const candidates = standIns(detail, chosen, chosenWord);
    if (candidates.length === 0) return null;
    const rejectedWord = random.pick(candidates);
    const objects = chosen.objects.map((object) =>
      object.name === chosenWord ? { ...object, name: rejectedWord } : object,
    );
    return {
      chosen,
      rejected: { ...chosen, objects },
      detail,
      chosenWord,
      rejectedWord,
      statement: STATEMENT,
      questions: [askPresence(chosenWord), askPresence(rejectedWord)],
    };
  },
};
