import { captionFluency, type Fluency } from "./fluency.js";
import { scoreKinds, type AccuracyByKind } from "./question-kinds.js";
import type { SceneAnswer, SceneTruth } from "./scene-answers.js";
import type { SceneTally } from "./scene-tally.js";
import { TALLY_COUNTS, tallyScenes } from "./scene-tally.js";
import { drawResamples, percentileInterval, type Interval, type Resamples } from "../numbers/statistics.js";

/** Figures of one model on one set of scenes: shares 0..1, or null where the denominator is zero. */
export interface SceneFigures<Value = number | null> {
  /** Share of captions that name an object which is not in the picture (CHAIRs, Rohrbach et al. 2018). */
  chair_s: Value;
  /** Absent mentions / mentions (CHAIRi, Rohrbach et al. 2018). */
  chair_i: Value;
  /** Named present objects / present objects, over all scenes together. */
  cover: Value;
  /** Share of all answers, captions and yes/no together, that assert an object or another fact which is not in the picture. */
  hal: Value;
  yes_no: {
    /** Correct answers / questions; an answer that is neither yes nor no is not correct. */
    accuracy: Value;
    /** 2 TP / (2 TP + FP + FN) with yes as the positive answer; a missing yes is a FN even where neither was said. */
    f1: Value;
    /** Answers that say yes / questions. */
    yes_ratio: Value;
  };
}

/** Figures with their 95 % bootstrap intervals by scene. */
export interface SceneScores extends SceneFigures {
  interval: SceneFigures<Interval | null>;
  /** Yes/no accuracy by what is asked for, where more than the presence of objects is. */
  by_kind?: AccuracyByKind | undefined;
  /** How well formed the captions are, where the words of true captions are known. */
  fluency?: Fluency | undefined;
}

/** A figure by a flat name, for loops over all of them. */
export const FIGURES = ["chair_s", "chair_i", "cover", "hal", "accuracy", "f1", "yes_ratio"] as const;
/** Name of a figure. */
export type Figure = (typeof FIGURES)[number];

/** One figure out of a set of figures. */
export function figureOf<Value>(figures: SceneFigures<Value>, figure: Figure): Value {
  switch (figure) {
    case "accuracy":
    case "f1":
    case "yes_ratio":
      return figures.yes_no[figure];
    case "chair_s":
    case "chair_i":
    case "cover":
    case "hal":
      return figures[figure];
  }
}

/** A set of figures, each made from its flat name. */
function figuresFrom<Value>(make: (figure: Figure) => Value): SceneFigures<Value> {
  return {
    chair_s: make("chair_s"),
    chair_i: make("chair_i"),
    cover: make("cover"),
    hal: make("hal"),
    yes_no: { accuracy: make("accuracy"), f1: make("f1"), yes_ratio: make("yes_ratio") },
  };
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** How a figure follows from summed counts. */
export const FIGURE_OF_TALLY: Readonly<Record<Figure, (sum: SceneTally) => number | null>> = {
  chair_s: (sum) => share(sum.hallucinatedCaptions, sum.captions),
  chair_i: (sum) => share(sum.absentMentions, sum.mentions),
  cover: (sum) => share(sum.namedObjects, sum.presentObjects),
  hal: (sum) => share(sum.hallucinatedCaptions + sum.falseYes, sum.captions + sum.questions),
  accuracy: (sum) => share(sum.trueYes + sum.trueNo, sum.questions),
  f1: (sum) => share(2 * sum.trueYes, sum.trueYes + sum.falseYes + sum.yesQuestions),
  yes_ratio: (sum) => share(sum.trueYes + sum.falseYes, sum.questions),
};

/**
 * Sums the counts of scenes.
 *
 * @param tallies - One per scene.
 */
export function sumTallies(tallies: readonly SceneTally[]): SceneTally {
  const sum = Object.fromEntries(TALLY_COUNTS.map((count) => [count, 0])) as unknown as SceneTally;
  for (const tally of tallies) for (const count of TALLY_COUNTS) sum[count] += tally[count];
  return sum;
}

/**
 * Sums the counts of every resample.
 *
 * @param tallies - One per scene, shape (resamples.scenes).
 * @param resamples - Scene indices.
 * @returns One summed tally per resample, shape (resamples.count).
 * @throws RangeError when the resamples were drawn for another number of scenes.
 */
export function resampleTallies(tallies: readonly SceneTally[], resamples: Resamples): SceneTally[] {
  if (tallies.length !== resamples.scenes) {
    throw new RangeError(`resamples were drawn for ${resamples.scenes} scenes, found ${tallies.length}`);
  }
  const width = TALLY_COUNTS.length;
  const counts = new Float64Array(tallies.length * width);
  tallies.forEach((tally, row) => TALLY_COUNTS.forEach((count, at) => (counts[row * width + at] = tally[count])));
  const sums: SceneTally[] = [];
  for (let draw = 0; draw < resamples.count; draw++) {
    const sum = new Float64Array(width);
    const end = (draw + 1) * resamples.scenes;
    for (let position = draw * resamples.scenes; position < end; position++) {
      const row = (resamples.indices[position] as number) * width;
      for (let at = 0; at < width; at++) sum[at] = (sum[at] as number) + (counts[row + at] as number);
    }
    sums.push(Object.fromEntries(TALLY_COUNTS.map((count, at) => [count, sum[at]])) as unknown as SceneTally);
  }
  return sums;
}

/**
 * Makes the interval of a figure.
 *
 * @param draws - The figure on every resample of scenes.
 * @param measure - How it follows from summed counts: of one model, or of two where it compares them.
 */
export type IntervalOf<Sums extends readonly SceneTally[]> = (
  draws: readonly (number | null)[],
  measure: (...sums: Sums) => number | null,
) => Interval | null;

/**
 * Scores of counted scenes.
 *
 * @param tallies - One per scene.
 * @param resamples - Drawn for these scenes; share them between models to make differences paired.
 * @param intervalOf - Makes the intervals; left out, they are percentiles of the bootstrap by scene.
 */
export function scoreTallies(
  tallies: readonly SceneTally[],
  resamples: Resamples,
  intervalOf: IntervalOf<[SceneTally]> = (values) => percentileInterval(values),
): SceneScores {
  const sum = sumTallies(tallies);
  const draws = resampleTallies(tallies, resamples);
  return {
    ...figuresFrom((figure) => FIGURE_OF_TALLY[figure](sum)),
    interval: figuresFrom((figure) => {
      const measure = FIGURE_OF_TALLY[figure];
      return intervalOf(draws.map(measure), measure);
    }),
  };
}

/**
 * Scores a model's answers against the truth.
 *
 * @param scenes - The truth, at least one scene.
 * @param answers - What the model said, in the same order.
 * @param options - `vocabulary`: names of all objects of the world; `seed` and `resamples` (2,000) of the bootstrap;
 * `words`: all words of true captions, for fluency.
 */
export function scoreScenes(
  scenes: readonly SceneTruth[],
  answers: readonly SceneAnswer[],
  options: { vocabulary: ReadonlySet<string>; seed: number; resamples?: number; words?: ReadonlySet<string> },
): SceneScores {
  const resamples = drawResamples(scenes.length, {
    seed: options.seed,
    ...(options.resamples === undefined ? {} : { count: options.resamples }),
  });
  const scores = scoreTallies(tallyScenes(scenes, answers, options.vocabulary), resamples);
  const byKind = scoreKinds(scenes, answers, resamples);
  const { vocabulary, words } = options;
  return {
    ...scores,
    ...(byKind === undefined ? {} : { by_kind: byKind }),
    ...(words === undefined
      ? {}
      : {
          fluency: captionFluency(
            answers.map(({ caption }) => caption),
            vocabulary,
            words,
          ),
        }),
  };
}
