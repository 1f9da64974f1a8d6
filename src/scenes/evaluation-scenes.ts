import { type Kind, KINDS } from "./kinds.js";
import { OBJECTS } from "./objects.js";
import { evaluationQuestions, type Question } from "./questions.js";
import { Random } from "../numbers/random.js";
import { sampleContents } from "./scene-contents.js";
import { layoutKey, type Scene, splitOf } from "./scene.js";

/** Relative frequency of scenes with one, two and three different objects. */
const OBJECT_COUNT_WEIGHTS: readonly number[] = [0.2, 0.4, 0.4];

/** A scene of a fixed evaluation set before it is drawn. */
export interface EvaluationLayout {
  readonly scene: Scene;
  readonly questions: readonly Question[];
}

/** Samples one to three different objects, each as likely as any other. */
export function uniformNames(random: Random): string[] {
  const count = random.weighted(OBJECT_COUNT_WEIGHTS) + 1;
  return random.sample(OBJECTS, count).map((object) => object.name);
}

/**
 * Samples the scenes of a fixed evaluation set, no layout twice.
 * @param split - Which evaluation; each has a seed of its own.
 * @param count - Number of scenes; a longer set starts with the shorter one.
 * @param kinds - The kinds of facts in the world.
 */
export function* evaluationLayouts(
  split: "validation" | "test",
  count: number,
  kinds: readonly Kind[] = KINDS,
): Generator<EvaluationLayout> {
  const random = new Random(`evaluation/${split}`);
  const seen = new Set<string>();
  for (let index = 0; index < count; index++) {
    for (;;) {
      const scene = sampleContents(random, uniformNames(random), kinds);
      const key = layoutKey(scene);
      if (seen.has(key) || splitOf(key) !== split) continue;
      seen.add(key);
      yield { scene, questions: evaluationQuestions(random, scene, index % 2 === 0, kinds) };
      break;
    }
  }
}
