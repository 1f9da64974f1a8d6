import { type Contrast, type ContrastKind, STATEMENT } from "./contrast-kind.js";
import { countOf, NUMBERS } from "./facts.js";
import { OBJECTS } from "./objects.js";
import { askCount } from "./questions.js";
import type { Random } from "../numbers/random.js";
import { sampleScene, sceneOf } from "./scene.js";

// Relative frequency of no and one other object beside the counted ones.
const OTHERS_WEIGHTS = [0.4, 0.6];

/** One image has one more of the same object than the other; either can be the chosen one. */
export const countContrast: ContrastKind = {
  name: "count",
  propose(random: Random, turn: number): Contrast | null {
    const isMore = turn % 2 === 0;
    const count = Math.floor(turn / 2) % 2 === 0 ? 2 : 3;
    const names = random.sample(OBJECTS, random.weighted(OTHERS_WEIGHTS) + 1).map((object) => object.name);
    const counted = names[0] as string;
    const more = sampleScene(random, [...names, ...Array.from({ length: count - 1 }, () => counted)]);
    // The last one goes, so that the captions name the objects in the same order.
    const last = more.objects.findLast((object) => object.name === counted);
    const fewer = sceneOf(
      more.background,
      more.objects.filter((object) => object !== last),
    );
    const [chosen, rejected] = isMore ? [fewer, more] : [more, fewer];
    // Of one and two the noun differs as well: "a dog", "two dogs".
    const word = (scene: typeof more): string | null =>
      count === 2 ? null : (NUMBERS[countOf(scene, counted) - 1] ?? null);
    return {
      chosen,
      rejected,
      detail: `${isMore ? "more" : "fewer"}_${count === 2 ? "one_two" : "two_three"}`,
      chosenWord: word(chosen),
      rejectedWord: word(rejected),
      statement: STATEMENT,
      questions: [askCount(counted, count - 1), askCount(counted, count)],
    };
  },
};
