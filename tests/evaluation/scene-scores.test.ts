import { expect } from "chai";
import fc from "fast-check";
import { FIGURES, figureOf, scoreScenes, scoreTallies, sumTallies } from "../../src/evaluation/scene-scores.js";
import { compareTallies } from "../../src/evaluation/scene-comparison.js";
import { readYesNo, tallyScenes } from "../../src/evaluation/scene-tally.js";
import { drawResamples } from "../../src/numbers/statistics.js";
import type { SceneAnswer, SceneTruth } from "../../src/evaluation/scene-answers.js";

const WORLD = new Set(["dog", "car", "tree", "cat"]);
const questions = ["Is there a dog in the picture?", "Is there a cat in the picture?"];

const SCENES: SceneTruth[] = [
  { id: "a", objects: ["dog", "car"], questions, answers: ["Yes.", "No."] },
  { id: "b", objects: ["dog"], questions, answers: ["Yes.", "No."] },
  { id: "c", objects: ["tree", "car", "dog"], questions, answers: ["Yes.", "No."] },
];
const ANSWERS: SceneAnswer[] = [
  { caption: "a dog, a tree and a tree.", answers: ["Yes.", "Yes."] },
  { caption: "a dog.", answers: ["no", "No."] },
  { caption: "a tree and a car.", answers: ["Maybe.", "No."] },
];

const scene = fc.record({
  objects: fc.uniqueArray(fc.constantFrom(...WORLD), { minLength: 1, maxLength: 3 }),
  caption: fc.array(fc.constantFrom(...WORLD, "a", "and"), { maxLength: 6 }).map((words) => words.join(" ")),
  truths: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
  said: fc.array(fc.constantFrom("Yes.", "No.", "", "a dog"), { minLength: 2, maxLength: 2 }),
});
const scenes = fc.array(scene, { minLength: 1, maxLength: 12 }).map((drawn) => ({
  truth: drawn.map(({ objects, truths }, at): SceneTruth => ({
    id: String(at),
    objects,
    questions,
    answers: truths.map((yes) => (yes ? "Yes." : "No.")),
  })),
  answers: drawn.map(({ caption, said }): SceneAnswer => ({ caption, answers: said })),
}));

describe("scene scores", () => {
  it("agree with counting by hand", () => {
    const scores = scoreScenes(SCENES, ANSWERS, { vocabulary: WORLD, seed: 1, resamples: 50 });
    // Captions: only the first names something absent (tree, twice); 6 mentions; dog, dog, tree, car of 6 present.
    expect(scores.chair_s).to.equal(1 / 3);
    expect(scores.chair_i).to.equal(2 / 6);
    expect(scores.cover).to.equal(4 / 6);
    // One caption and one "Yes." to an absent cat, of 3 captions and 6 yes/no answers.
    expect(scores.hal).to.equal(2 / 9);
    // Right: a1, b2, c2. TP 1 (a1), FP 1 (a2), FN 2 (b1 says no, c1 says neither).
    expect(scores.yes_no.accuracy).to.equal(3 / 6);
    expect(scores.yes_no.f1).to.equal(2 / (2 + 1 + 2));
    expect(scores.yes_no.yes_ratio).to.equal(2 / 6);
  });

  it("tell kinds of questions apart where a world asks for more than presence", () => {
    const options = { vocabulary: WORLD, seed: 1, resamples: 200 };
    const plain = scoreScenes(SCENES, ANSWERS, options);
    expect(plain).not.to.have.property("by_kind");
    const presence = SCENES.map((truth) => ({ ...truth, kinds: ["presence", "presence"] as const }));
    expect(scoreScenes(presence, ANSWERS, options)).to.deep.equal(plain);
    const mixed = SCENES.map((truth) => ({ ...truth, kinds: ["count", "attribute"] as const }));
    const { by_kind: byKind, ...rest } = scoreScenes(mixed, ANSWERS, options);
    expect(rest).to.deep.equal(plain);
    // Right: a1 of the first questions; b2 and c2 of the second ("Maybe." and "no" to a dog are wrong).
    expect(byKind).to.have.all.keys("count", "attribute");
    expect(byKind?.count).to.deep.include({ questions: 3, accuracy: 1 / 3 });
    expect(byKind?.attribute).to.deep.include({ questions: 3, accuracy: 2 / 3 });
    for (const { interval } of Object.values(byKind ?? {}))
      expect(interval?.[0]).to.be.at.most(interval?.[1] as number);
    const short = SCENES.map((truth) => ({ ...truth, kinds: ["count"] as const }));
    expect(() => scoreScenes(short, ANSWERS, options)).to.throw(RangeError, "scene a: 2 true answers have 1 kinds");
  });

  it("have intervals by kind as wide as the theory says", () => {
    const truth = Array.from({ length: 400 }, (_, at): SceneTruth => ({
      id: String(at),
      objects: ["dog"],
      questions: ["q"],
      answers: ["Yes."],
      kinds: ["position"],
    }));
    const answers = truth.map((_, at) => ({ caption: "a dog.", answers: [at % 4 === 0 ? "No." : "Yes."] }));
    const [low, high] = scoreScenes(truth, answers, { vocabulary: WORLD, seed: 3 }).by_kind?.position?.interval as [
      number,
      number,
    ];
    // Standard error of a share of 3/4 over 400 questions: 0.0217.
    expect(high - low).to.be.closeTo(2 * 1.96 * Math.sqrt(3 / 16 / 400), 0.012);
    expect((high + low) / 2).to.be.closeTo(3 / 4, 0.01);
  });

  it("are null, not NaN, where nothing is there to be divided by", () => {
    const silent = SCENES.map((truth) => ({ ...truth, questions: [], answers: [] }));
    const answers = silent.map(() => ({ caption: "nothing at all", answers: [] }));
    const scores = scoreScenes(silent, answers, { vocabulary: WORLD, seed: 1, resamples: 50 });
    expect(scores.chair_i).to.equal(null);
    expect(scores.interval.chair_i).to.equal(null);
    expect(scores.yes_no).to.deep.equal({ accuracy: null, f1: null, yes_ratio: null });
    expect(scores.chair_s).to.equal(0);
    expect(scores.cover).to.equal(0);
  });

  it("lie in 0..1, inside their intervals' hull, and do not depend on the scenes' order", () => {
    fc.assert(
      fc.property(scenes, fc.nat(), ({ truth, answers }, turn) => {
        const options = { vocabulary: WORLD, seed: 2, resamples: 40 };
        const scores = scoreScenes(truth, answers, options);
        const rotate = <T>(list: T[]): T[] => list.map((_, at) => list[(at + turn) % list.length] as T);
        const rotated = scoreScenes(rotate(truth), rotate(answers), options);
        for (const figure of FIGURES) {
          const value = figureOf(scores, figure);
          expect(figureOf(rotated, figure)).to.equal(value);
          if (value !== null) expect(value).to.be.within(0, 1);
          const interval = figureOf(scores.interval, figure);
          if (interval !== null) {
            expect(interval[0]).to.be.at.least(0);
            expect(interval[1]).to.be.at.most(1);
            expect(interval[0]).to.be.at.most(interval[1]);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it("have narrower intervals for more scenes, centred on the figure", () => {
    const many = Array.from({ length: 100 }, () => SCENES).flat();
    const answers = Array.from({ length: 100 }, () => ANSWERS).flat();
    const few = Array.from({ length: 4 }, () => SCENES).flat();
    const fewAnswers = Array.from({ length: 4 }, () => ANSWERS).flat();
    const options = { vocabulary: WORLD, seed: 9 };
    const [low, high] = scoreScenes(many, answers, options).interval.chair_s as [number, number];
    const [fewLow, fewHigh] = scoreScenes(few, fewAnswers, options).interval.chair_s as [number, number];
    // Standard error of a share of 1/3 over 300 scenes: 0.0272, so the interval is 0.107 wide.
    expect(high - low).to.be.closeTo(2 * 1.96 * Math.sqrt(2 / 9 / 300), 0.015);
    expect((high + low) / 2).to.be.closeTo(1 / 3, 0.01);
    expect(fewHigh - fewLow).to.be.greaterThan(2 * (high - low));
  });

  it("refuse answers that do not match the scenes", () => {
    expect(() => tallyScenes(SCENES, ANSWERS.slice(1), WORLD)).to.throw(RangeError, "3 scenes have 2 answers");
    expect(() => tallyScenes(SCENES.slice(0, 1), [{ caption: "", answers: [] }], WORLD)).to.throw(
      RangeError,
      "scene a",
    );
    expect(() => scoreTallies(tallyScenes(SCENES, ANSWERS, WORLD), drawResamples(2, { seed: 0 }))).to.throw(RangeError);
  });

  it("read only a leading yes or no", () => {
    expect(["Yes.", " yes", "No, there is none", "NO"].map(readYesNo)).to.deep.equal(["yes", "yes", "no", "no"]);
    expect(["", "yesterday", "not", "maybe yes", "a dog"].map(readYesNo)).to.deep.equal(new Array(5).fill(null));
  });
});

describe("compareTallies", () => {
  const resamples = drawResamples(SCENES.length, { seed: 1, count: 200 });
  const base = tallyScenes(SCENES, ANSWERS, WORLD);

  it("finds no difference, with no spread, between a model and itself", () => {
    const { chair_s: same } = compareTallies(base, base, resamples);
    expect(same.difference).to.equal(0);
    expect(same.difference_interval).to.deep.equal([0, 0]);
    expect(same.relative_reduction).to.equal(0);
  });

  it("takes differences and relative reductions by hand", () => {
    const careful = ANSWERS.map((answer) => ({ ...answer, caption: "a dog." }));
    const comparison = compareTallies(base, tallyScenes(SCENES, careful, WORLD), resamples);
    expect(comparison.chair_s.difference).to.be.closeTo(-1 / 3, 1e-12);
    expect(comparison.chair_s.relative_reduction).to.equal(1);
    // Three of six present objects are named instead of four.
    expect(comparison.cover.difference).to.be.closeTo(-1 / 6, 1e-12);
    expect(comparison.cover.relative_reduction).to.be.closeTo(1 / 4, 1e-12);
    expect(comparison.accuracy.difference).to.equal(0);
  });

  it("leaves a relative reduction from nothing undefined", () => {
    const perfect = tallyScenes(
      SCENES,
      SCENES.map(({ answers }) => ({ caption: "", answers: [...answers] })),
      WORLD,
    );
    const { chair_s: fromNothing } = compareTallies(perfect, base, resamples);
    expect(fromNothing.relative_reduction).to.equal(null);
    expect(fromNothing.relative_reduction_interval).to.equal(null);
    expect(fromNothing.difference).to.be.closeTo(1 / 3, 1e-12);
  });

  it("is tighter than unpaired intervals when both models err on the same scenes", () => {
    const truth = Array.from({ length: 200 }, (_, at): SceneTruth => ({
      id: String(at),
      objects: ["dog"],
      questions: [],
      answers: [],
    }));
    const say = (wrong: (at: number) => boolean) =>
      tallyScenes(
        truth,
        truth.map((_, at) => ({ caption: wrong(at) ? "a cat." : "a dog.", answers: [] })),
        WORLD,
      );
    const many = drawResamples(200, { seed: 4 });
    const worse = say((at) => at % 2 === 0);
    const better = say((at) => at % 2 === 0 && at >= 10);
    const [low, high] = compareTallies(worse, better, many).chair_s.difference_interval as [number, number];
    const [baseLow, baseHigh] = scoreTallies(worse, many).interval.chair_s as [number, number];
    expect(high).to.be.at.most(0);
    expect(high - low).to.be.lessThan((baseHigh - baseLow) / 2);
    expect(sumTallies(worse).hallucinatedCaptions - sumTallies(better).hallucinatedCaptions).to.equal(5);
  });
});
