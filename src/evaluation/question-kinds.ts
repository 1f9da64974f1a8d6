import { QUESTION_KINDS, type QuestionKind } from "../scenes/questions.js";
import type { SceneAnswer, SceneTruth } from "./scene-answers.js";
import { readYesNo } from "./scene-tally.js";
import { percentileInterval, type Interval, type Resamples } from "../numbers/statistics.js";

/** How well the questions of one kind are answered. */
export interface KindAccuracy {
  /** Questions of the kind, over all scenes. */
  questions: number;
  /** Share of them answered right, 0..1. */
  accuracy: number;
  /** 95 % bootstrap interval of the accuracy, by scene. */
  interval: Interval | null;
}

/** Accuracy by what is asked for; kinds that are never asked for are left out. */
export type AccuracyByKind = Partial<Record<QuestionKind, KindAccuracy>>;

/**
 * Scores the yes/no answers by what the questions ask for.
 *
 * @param scenes - The truth, shape (n).
 * @param answers - What the model said, shape (n), in the same order.
 * @param resamples - Drawn for these scenes.
 * @param intervalOf - Makes the interval of a kind's accuracy from its value on every resample; left out, it is
 * percentiles of the bootstrap by scene.
 * @returns undefined where presence alone is asked for, since that is the accuracy of all questions.
 * @throws RangeError when a scene has not one kind for each question.
 */
export function scoreKinds(
  scenes: readonly SceneTruth[],
  answers: readonly SceneAnswer[],
  resamples: Resamples,
  intervalOf: (draws: readonly (number | null)[], kind: QuestionKind) => Interval | null = (draws) =>
    percentileInterval(draws),
): AccuracyByKind | undefined {
  if (!scenes.some(({ kinds = [] }) => kinds.some((kind) => kind !== "presence"))) return undefined;
  const byKind: AccuracyByKind = {};
  for (const kind of QUESTION_KINDS) {
    const asked = new Float64Array(scenes.length);
    const right = new Float64Array(scenes.length);
    for (const [at, scene] of scenes.entries()) {
      const { kinds = [], answers: truths } = scene;
      if (kinds.length !== truths.length) {
        throw new RangeError(`scene ${scene.id}: ${truths.length} true answers have ${kinds.length} kinds`);
      }
      for (const [question, truth] of truths.entries()) {
        if (kinds[question] !== kind) continue;
        asked[at] = (asked[at] as number) + 1;
        const said = readYesNo(answers[at]?.answers[question] ?? "");
        if (said === readYesNo(truth)) right[at] = (right[at] as number) + 1;
      }
    }
    const questions = sum(asked);
    if (questions === 0) continue;
    byKind[kind] = {
      questions,
      accuracy: sum(right) / questions,
      interval: intervalOf(resampledShares(right, asked, resamples), kind),
    };
  }
  return byKind;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function resampledShares(parts: Float64Array, wholes: Float64Array, resamples: Resamples): (number | null)[] {
  return Array.from({ length: resamples.count }, (_, draw) => {
    let part = 0;
    let whole = 0;
    for (let position = 0; position < resamples.scenes; position++) {
      const scene = resamples.indices[draw * resamples.scenes + position] as number;
      part += parts[scene] as number;
      whole += wholes[scene] as number;
    }
    return whole === 0 ? null : part / whole;
  });
}
