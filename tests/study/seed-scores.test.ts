import { expect } from "chai";
import type { SceneAnswer, SceneTruth } from "../../src/evaluation/scene-answers.js";
import { scoreScenes } from "../../src/evaluation/scene-scores.js";
import { tallyScenes } from "../../src/evaluation/scene-tally.js";
import { drawResamples } from "../../src/numbers/statistics.js";
import { compareSeeds, type Measured, scoreSeeds } from "../../src/study/seed-scores.js";

const WORLD = new Set(["dog", "car", "tree", "cat"]);
const WORDS = new Set(["a", "and", ...WORLD]);
const SCENES = 40;

const TRUTH: SceneTruth[] = Array.from({ length: SCENES }, (_, scene) => ({
  id: `${scene}`,
  objects: ["dog"],
  questions: ["Is there a dog?", "Are there two?"],
  answers: ["Yes.", "No."],
  kinds: ["presence", "count"],
}));

/** A model whose first captions name an absent cat, whose last are malformed, and whose first counts are wrong. */
function model(hallucinated: number, malformed = 0, wrong = 0): Measured {
  const answers: SceneAnswer[] = TRUTH.map((_, scene) => ({
    caption: scene < hallucinated ? "a dog and a cat." : scene >= SCENES - malformed ? "a dog, aNo." : "a dog.",
    answers: ["Yes.", scene < wrong ? "Yes." : "No."],
  }));
  return {
    answers,
    scores: scoreScenes(TRUTH, answers, { vocabulary: WORLD, words: WORDS, seed: 0, resamples: 200 }),
    tallies: tallyScenes(TRUTH, answers, WORLD),
  };
}

const resamples = drawResamples(SCENES, { seed: 0, count: 2000 });

/** Standard error of a share of scenes, as a bootstrap of many resamples finds it. */
const overScenes = (share: number): number => Math.sqrt((share * (1 - share)) / SCENES);

describe("scores over seeds", () => {
  it("have the mean of the seeds and an interval of how seeds and scenes vary", () => {
    const { chair_s: share, interval, cover } = scoreSeeds(TRUTH, [model(4), model(8), model(12)], resamples);
    expect(share).to.be.closeTo(0.2, 1e-12);
    expect(cover).to.equal(1);
    expect(interval.cover).to.deep.equal([1, 1]);
    // Over seeds 0.1, 0.2, 0.3: variance of the mean 0.01 / 3. Over scenes, of which four hallucinate with all seeds, four
    // with two, four with one: (4 (1 + 4/9 + 1/9) / 40 - 0.04) / 40 = 0.00289. The sum 0.00622 has 0.00622^2 /
    // (0.00333^2 / 2 + 0.00289^2 / 39) = 6.7 degrees of freedom, between t(0.975, 6) = 2.447 and t(0.975, 7) = 2.365.
    const [low, high] = interval.chair_s as [number, number];
    expect(high - 0.2).to.be.closeTo(2.39 * Math.sqrt(0.00622), 0.006);
    expect(0.2 - low).to.be.closeTo(high - 0.2, 1e-12);
  });

  it("of seeds that agree vary with the scenes", () => {
    const { interval } = scoreSeeds(TRUTH, [model(10), model(10), model(10)], resamples);
    const [low, high] = interval.chair_s as [number, number];
    // t(0.975, 39) = 2.0227; the bootstrap's standard error is itself a draw.
    expect((high - low) / 2).to.be.closeTo(2.0227 * overScenes(0.25), 0.01);
  });

  it("count malformed captions and answers by kind of all seeds", () => {
    const { fluency, by_kind } = scoreSeeds(TRUTH, [model(0, 1, 0), model(0, 3, 4)], resamples);
    expect(fluency).to.deep.equal({ captions: 80, foreign: 4, repeating: 0, words: 76 * 2 + 4 * 3 });
    expect(by_kind?.count?.accuracy).to.be.closeTo(1 - 4 / 80, 1e-12);
    expect(by_kind?.presence?.accuracy).to.equal(1);
    // Two seeds, one degree of freedom: nothing is known of how a third would do.
    expect(by_kind?.count?.interval?.[1]).to.equal(1);
  });

  it("compare seed with seed, so that what a seed does to both falls out", () => {
    const base = [model(4), model(8), model(12)];
    const other = [model(6), model(10), model(14)];
    const tallies = (models: Measured[]) => models.map((each) => each.tallies);
    const { chair_s: chair } = compareSeeds(tallies(base), tallies(other), resamples);
    expect(chair.difference).to.be.closeTo(0.05, 1e-12);
    const [low, high] = chair.difference_interval as [number, number];
    // The same two scenes more for each seed: only scenes vary, by the share of those that differ.
    expect(low).to.be.above(-0.05);
    expect(high).to.be.below(0.15);
    const shuffled = compareSeeds(tallies(base), tallies([other[2], other[0], other[1]] as Measured[]), resamples);
    expect(shuffled.chair_s.difference_interval?.[1]).to.be.above(0.3);
  });

  it("compare with a model that was not trained", () => {
    const trained = [model(4), model(8), model(12)].map(({ tallies }) => tallies);
    const { chair_s: chair } = compareSeeds([model(32).tallies], trained, resamples);
    expect(chair.base).to.be.closeTo(0.8, 1e-12);
    expect(chair.relative_reduction).to.be.closeTo(0.75, 1e-12);
    expect(() => compareSeeds([trained[0] ?? [], trained[1] ?? []], trained, resamples)).to.throw(RangeError, "seeds");
  });
});
