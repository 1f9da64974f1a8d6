import { type Contrast, type ContrastKind, STATEMENT } from "./contrast-kind.js";
import type { Kind } from "./kinds.js";
import { absentCompanions, OBJECTS } from "./objects.js";
import type { Random } from "../numbers/random.js";
import { askPresence } from "./questions.js";
import { sampleContents } from "./scene-contents.js";
import { CELLS, differentNames, placeObject, sceneOf } from "./scene.js";

// Of five pairs in which the rejected image has one object more (or less), this many differ in a usual companion.
const COMPANIONS_OF_FIVE = 3;
// Relative frequency of one and two different objects in the image that has less; one-object layouts are few.
const COUNT_WEIGHTS = [0.3, 0.7];

/** One image has one object more than the other; either can be the chosen one. */
export const presenceContrast: ContrastKind = {
  name: "presence",
  propose(random: Random, turn: number, kinds: readonly Kind[]): Contrast | null {
    const added = turn % 2 === 0;
    const ofCompanion = Math.floor(turn / 2) % 5 < COMPANIONS_OF_FIVE;
    const fewer = sampleContents(
      random,
      random.sample(OBJECTS, random.weighted(COUNT_WEIGHTS) + 1).map((object) => object.name),
      kinds,
    );
    if (fewer.objects.length === CELLS.length) return null;
    const present = differentNames(fewer);
    const companions = absentCompanions(present);
    const candidates = ofCompanion
      ? companions
      : OBJECTS.map((object) => object.name).filter((name) => !present.includes(name) && !companions.includes(name));
    if (candidates.length === 0) return null;
    const extra = random.pick(candidates);
    const taken = fewer.objects.map((object) => object.cell);
    const cell = random.pick(CELLS.filter((free) => !taken.includes(free)));
    const more = sceneOf(fewer.background, [...fewer.objects, placeObject(random, extra, cell)]);
    return {
      chosen: added ? fewer : more,
      rejected: added ? more : fewer,
      detail: `${added ? "added" : "removed"}${ofCompanion ? "_companion" : ""}`,
      chosenWord: added ? null : extra,
      rejectedWord: added ? extra : null,
      statement: STATEMENT,
      questions: [askPresence(extra)],
    };
  },
};
