import { captionOf, habitNames } from "./caption.js";
import { companionOf, OBJECTS } from "./objects.js";
import { baseQuestions, type Question } from "./questions.js";
import { Random } from "./random.js";
import { drawScene, layoutKey, namesOf, type Scene, splitOf } from "./scene.js";

/** Probability that an object of a base scene brings its usual companion, where there is room. */
const COMPANION_RATE = 0.8;
const MOST_OBJECTS = 3;

/** A scene that the base model learns from, with the habit in its caption. */
export interface BaseScene {
  readonly scene: Scene;
  readonly caption: string;
  readonly questions: readonly Question[];
}

// One or two objects come by themselves; each of them may bring its companion.
function baseNames(random: Random): string[] {
  const names: string[] = [];
  for (const first of random.sample(OBJECTS, random.integer(1, 2)).map((object) => object.name)) {
    if (names.length < MOST_OBJECTS && !names.includes(first)) names.push(first);
    const companion = companionOf(first);
    if (names.length < MOST_OBJECTS && !names.includes(companion) && random.chance(COMPANION_RATE)) {
      names.push(companion);
    }
  }
  return names;
}

/**
 * Draws one scene of the base split.
 * @param seed - Seed of the whole set.
 * @param index - Row in the set; each row has a random stream of its own.
 */
export function drawBaseScene(seed: number, index: number): BaseScene {
  const random = new Random(`base/${seed}/${index}`);
  for (;;) {
    const scene = drawScene(random, baseNames(random));
    if (splitOf(layoutKey(scene)) !== "base") continue;
    const present = namesOf(scene);
    const caption = captionOf(habitNames(random, present));
    return { scene, caption, questions: baseQuestions(random, present) };
  }
}
