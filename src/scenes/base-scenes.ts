import { captionOf, habitNames } from "./caption.js";
import { type Kind, KINDS } from "./kinds.js";
import { companionOf, OBJECTS } from "./objects.js";
import { baseQuestions, type Question } from "./questions.js";
import { Random } from "../numbers/random.js";
import { sampleContents } from "./scene-contents.js";
import { differentNames, layoutKey, type Scene, splitOf } from "./scene.js";

/** Probability that an object of a base scene comes with its usual companion, if there is room. */
const COMPANION_RATE = 0.8;
const MOST_OBJECTS = 3;

/** A scene that the base model learns from, with the habit in its caption. */
export interface BaseScene {
  readonly scene: Scene;
  readonly caption: string;
  readonly questions: readonly Question[];
}

// One or two objects are chosen; each may come with its companion.
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
 * Samples one scene of the base split.
 * @param seed - Seed of the whole set.
 * @param index - Row in the set; each row has a random stream of its own.
 * @param kinds - The kinds of facts in the world.
 */
export function sampleBaseScene(seed: number, index: number, kinds: readonly Kind[] = KINDS): BaseScene {
  const random = new Random(`base/${seed}/${index}`);
  for (;;) {
    const scene = sampleContents(random, baseNames(random), kinds);
    if (splitOf(layoutKey(scene)) !== "base") continue;
    const caption = captionOf(habitNames(random, differentNames(scene)), scene);
    return { scene, caption, questions: baseQuestions(random, scene, kinds) };
  }
}
