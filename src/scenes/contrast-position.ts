import type { Contrast, ContrastKind } from "./contrast-kind.js";
import { type Relation, relationOf } from "./facts.js";
import { OBJECTS } from "./objects.js";
import { askPlace, askPosition } from "./questions.js";
import type { Random } from "../numbers/random.js";
import { BACKGROUNDS, CELLS, placeObject, sceneOf } from "./scene.js";

/** Two objects exchange their places, or one of them moves around the other. */
export const positionContrast: ContrastKind = {
  name: "position",
  propose(random: Random, turn: number): Contrast | null {
    const isExchange = turn % 2 === 0;
    const [one, other] = random.sample(OBJECTS, 2).map((object) => object.name) as [string, string];
    const [from, middle, to] = random.sample(CELLS, 3) as [number, number, number];
    const before = relationOf(from, middle);
    const after = isExchange ? relationOf(middle, from) : relationOf(to, middle);
    if (before === null || after === null) return null;
    const moved = placeObject(random, one, from);
    const still = placeObject(random, other, middle);
    const background = random.integer(0, BACKGROUNDS.length - 1);
    return {
      chosen: sceneOf(background, [moved, still]),
      rejected: isExchange
        ? sceneOf(background, [
            { ...moved, cell: middle },
            { ...still, cell: from },
          ])
        : sceneOf(background, [{ ...moved, cell: to }, still]),
      detail: isExchange ? "exchanged" : "moved",
      chosenWord: firstWord(before),
      rejectedWord: firstWord(after),
      statement: askPlace(one),
      questions: [askPosition(one, before, other), askPosition(one, after, other)],
    };
  },
};

function firstWord(relation: Relation): string {
  return relation.split(" ")[0] as string;
}
