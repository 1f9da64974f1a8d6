import { expect } from "chai";
import type { Scored } from "../../src/evaluation/benchmark.js";
import { compareSeeds, scoreSeeds } from "../../src/study/seed-scores.js";
import { countScenes, type MadeUpScene } from "../fixtures/made-up-scenes.js";

const SCENES = 40;

const TRUTH: MadeUpScene[] = Array.from({ length: SCENES }, () => ({
  objects: ["dog"],
  truths: ["Yes.", "No."],
  kinds: ["presence", "count"],
}));

/** A model whose first captions name an absent tree, whose last are malformed, and whose first counts are wrong. */
function model(hallucinated: number, malformed = 0, wrong = 0): Scored {
  return countScenes(
    TRUTH,
    TRUTH.map((_, scene) => ({
      caption: scene < hallucinated ? "a dog and a tree." : scene >= SCENES - malformed ? "a dog, aNo." : "a dog.",
      answers: ["Yes.", scene < wrong ? "Yes." : "No."],
    })),
  );
}

/** Standard error of a share of scenes, as a bootstrap of many resamples finds it. */
const overScenes = (share: number): number => Math.sqrt((share * (1 - share)) / SCENES);

describe("scores over seeds", () => {
  it("have the mean of the seeds and an interval of how seeds and scenes vary", () => {
    const { metrics, interval } = scoreSeeds([model(4), model(8), model(12)]);
    expect(metrics["chair_s"]).to.be.closeTo(20, 1e-12);
    expect(metrics["cover"]).to.equal(100);
    expect(interval["cover"]).to.deep.equal([100, 100]);
    // Over seeds 0.1, 0.2, 0.3: variance of the mean 0.01 / 3. Over scenes, of which four hallucinate with all seeds, four
    // with two, four with one: (4 (1 + 4/9 + 1/9) / 40 - 0.04) / 40 = 0.00289. The sum 0.00622 has 0.00622^2 /
    // (0.00333^2 / 2 + 0.00289^2 / 39) = 6.7 degrees of freedom, between t(0.975, 6) = 2.447 and t(0.975, 7) = 2.365.
    const [low, high] = interval["chair_s"] as [number, number];
    expect(high - 20).to.be.closeTo(239 * Math.sqrt(0.00622), 0.6);
    expect(20 - low).to.be.closeTo(high - 20, 1e-12);
  });

  it("of seeds that agree vary with the scenes", () => {
    const { interval } = scoreSeeds([model(10), model(10), model(10)]);
    const [low, high] = interval["chair_s"] as [number, number];
    // t(0.975, 39) = 2.0227; the bootstrap's standard error is itself a draw.
    expect((high - low) / 2).to.be.closeTo(202.27 * overScenes(0.25), 1);
  });

  it("count malformed captions and answers by kind of all seeds", () => {
    const { metrics, interval } = scoreSeeds([model(0, 1, 0), model(0, 3, 4)]);
    expect(metrics).to.include({ foreign: 100 * (4 / 80), repeating: 0, words: (76 * 2 + 4 * 3) / 80 });
    expect(metrics["count/accuracy"]).to.be.closeTo(100 * (1 - 4 / 80), 1e-12);
    expect(metrics["presence/accuracy"]).to.equal(100);
    // Two seeds, one degree of freedom: nothing is known of how a third would do.
    expect(interval["count/accuracy"]?.[1]).to.equal(100);
  });

  it("compare seed with seed, so that what a seed does to both falls out", () => {
    const base = [model(4), model(8), model(12)];
    const other = [model(6), model(10), model(14)];
    const { chair_s: chair } = compareSeeds(base, other);
    expect(chair?.difference).to.be.closeTo(5, 1e-12);
    const [low, high] = chair?.interval as [number, number];
    // The same two scenes more for each seed: only scenes vary, by the share of those that differ.
    expect(low).to.be.above(-5);
    expect(high).to.be.below(15);
    const shuffled = compareSeeds(base, [other[2], other[0], other[1]] as Scored[]);
    expect(shuffled["chair_s"]?.interval?.[1]).to.be.above(30);
  });

  it("compare with a model that was not trained", () => {
    const trained = [model(4), model(8), model(12)];
    const { chair_s: chair } = compareSeeds([model(32)], trained);
    expect(chair?.a).to.be.closeTo(80, 1e-12);
    expect(chair?.reduction).to.be.closeTo(75, 1e-12);
    expect(() => compareSeeds(trained.slice(1), trained)).to.throw(RangeError, "seeds");
  });
});
