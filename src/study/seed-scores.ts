import { scoreKinds } from "../evaluation/question-kinds.js";
import type { SceneAnswer, SceneTruth } from "../evaluation/scene-answers.js";
import { compareTallies, type SceneComparison } from "../evaluation/scene-comparison.js";
import { type IntervalOf, scoreTallies, sumTallies, type SceneScores } from "../evaluation/scene-scores.js";
import { TALLY_COUNTS, type SceneTally } from "../evaluation/scene-tally.js";
import type { Interval, Resamples } from "../numbers/statistics.js";
import { seedInterval } from "./seed-interval.js";

/** What one model said of the scenes, and what it came to. */
export interface Measured {
  scores: SceneScores;
  tallies: readonly SceneTally[];
  answers: readonly SceneAnswer[];
}

/**
 * Scores of a method's models of all seeds together, with intervals over seeds and scenes.
 *
 * @param truth - The scenes.
 * @param runs - At least one seed.
 * @param resamples - Drawn for these scenes.
 */
export function scoreSeeds(truth: readonly SceneTruth[], runs: readonly Measured[], resamples: Resamples): SceneScores {
  const { scenes } = resamples;
  const sums = runs.map(({ tallies }) => sumTallies(tallies));
  const all = sumByScene(runs.map(({ tallies }) => tallies));
  const together = sumTallies(all);
  const scores = scoreTallies(all, resamples, (draws, measure) =>
    share(seedInterval({ value: measure(together), bySeed: sums.map(measure), draws, scenes })),
  );
  const answers = joinByScene(runs.map((run) => run.answers));
  const accuracies = runs.map((run) => run.scores.by_kind ?? {});
  const byKind = scoreKinds(
    truth.map((scene) => repeated(scene, runs.length)),
    answers,
    resamples,
    (draws, kind) => {
      const bySeed = accuracies.map((each) => each[kind]?.accuracy ?? null);
      const known = bySeed.filter((each) => each !== null);
      // Every seed answers the same questions, so that the mean is the accuracy of all answers.
      const value = known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0) / known.length;
      return share(seedInterval({ value, bySeed, draws, scenes }));
    },
  );
  return { ...scores, by_kind: byKind, fluency: sumFluency(runs) };
}

/**
 * One method against another, paired by seed and scene, with intervals over both.
 *
 * @param base - Counts by scene for each seed, or once for a model that was not trained.
 * @param other - Counts by scene for each seed.
 * @param resamples - Drawn for these scenes.
 */
export function compareSeeds(
  base: readonly (readonly SceneTally[])[],
  other: readonly (readonly SceneTally[])[],
  resamples: Resamples,
): SceneComparison {
  // As many copies of an untrained model's counts as there are seeds, so that sums stand beside sums.
  const bases = base.length === 1 ? other.map(() => base[0] as readonly SceneTally[]) : base;
  if (bases.length !== other.length) throw new RangeError(`seeds differ: ${bases.length} and ${other.length}`);
  const [baseScenes, otherScenes] = [sumByScene(bases), sumByScene(other)];
  const [baseSum, otherSum] = [sumTallies(baseScenes), sumTallies(otherScenes)];
  const [baseSums, otherSums] = [bases.map(sumTallies), other.map(sumTallies)];
  const intervalOf: IntervalOf<[SceneTally, SceneTally]> = (draws, measure) =>
    seedInterval({
      value: measure(baseSum, otherSum),
      bySeed: baseSums.map((sum, at) => measure(sum, otherSums[at] as SceneTally)),
      draws,
      scenes: resamples.scenes,
    });
  return compareTallies(baseScenes, otherScenes, resamples, intervalOf);
}

/** An interval of a share ends at 0 and 1. */
function share(interval: Interval | null): Interval | null {
  return interval === null ? null : [Math.max(0, interval[0]), Math.min(1, interval[1])];
}

function sumByScene(models: readonly (readonly SceneTally[])[]): SceneTally[] {
  const [first, ...rest] = models;
  return (first ?? []).map((tally, scene) => {
    const sum = { ...tally };
    for (const model of rest) for (const count of TALLY_COUNTS) sum[count] += (model[scene] as SceneTally)[count];
    return sum;
  });
}

function sumFluency(runs: readonly Measured[]): SceneScores["fluency"] {
  const counted = runs.map(({ scores }) => scores.fluency);
  return counted.reduce((sum, each) =>
    sum === undefined || each === undefined
      ? undefined
      : {
          captions: sum.captions + each.captions,
          foreign: sum.foreign + each.foreign,
          repeating: sum.repeating + each.repeating,
          words: sum.words + each.words,
        },
  );
}

// As many copies of a scene's questions as there are seeds, so that all seeds' answers stand beside them.
function repeated(scene: SceneTruth, times: number): SceneTruth {
  const { questions, answers, kinds = [] } = scene;
  const copies = <Value>(values: readonly Value[]) => Array.from({ length: times }, () => values).flat();
  return { ...scene, questions: copies(questions), answers: copies(answers), kinds: copies(kinds) };
}

function joinByScene(models: readonly (readonly SceneAnswer[])[]): SceneAnswer[] {
  const [first, ...rest] = models;
  return (first ?? []).map((answer, scene) => ({
    ...answer,
    answers: [answer, ...rest.map((model) => model[scene] as SceneAnswer)].flatMap(({ answers }) => answers),
  }));
}
