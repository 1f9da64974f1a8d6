import { expect } from "chai";
import fc from "fast-check";
import type { CurriculumOrder, CurriculumPair, CurriculumStage } from "../../src/curriculum/curriculum.js";
import { curriculumOrders } from "../../src/curriculum/curriculum.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { UserError } from "../../src/errors.js";

interface Options {
  order: CurriculumOrder;
  stages?: number;
  bounds?: number[];
  epochs: number;
  effectiveBatch: number;
  seed: number;
}

const options: Options = { order: "easy-to-hard", stages: 3, epochs: 1, effectiveBatch: 2, seed: 1 };

function staged(pairs: readonly CurriculumPair[], { effectiveBatch, seed, ...settings }: Options): CurriculumStage[] {
  return [...curriculumPolicy({ policy: "staged", ...settings })(pairs, { effectiveBatch, seed }).stages];
}

const scored = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 60 })
  .map((difficulties) => difficulties.map((difficulty, pair): CurriculumPair => ({ pair, difficulty, stage: null })));

const settings = fc.record({
  order: fc.constantFrom(...curriculumOrders),
  stages: fc.integer({ min: 1, max: 3 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  effectiveBatch: fc.integer({ min: 1, max: 9 }),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
});

function uses(pairs: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const pair of pairs) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  return counts;
}

describe("staged curriculum", () => {
  it("uses every pair once an epoch and pads to whole batches from the stage's front", () => {
    fc.assert(
      fc.property(scored, settings, (pairs, chosen) => {
        const stages = staged(pairs, chosen);
        expect(stages).to.have.length(chosen.stages);
        const unpadded = stages.flatMap(({ pairs: rows, padding }) => {
          expect(rows.length % chosen.effectiveBatch).to.equal(0);
          expect(padding).to.be.lessThan(chosen.effectiveBatch);
          const used = rows.slice(0, rows.length - padding);
          rows.slice(used.length).forEach((row, index) => expect(row).to.equal(used[index % used.length]));
          return used;
        });
        const counts = uses(unpadded);
        expect(counts.size).to.equal(pairs.length);
        expect([...counts.values()].every((count) => count === chosen.epochs)).to.equal(true);
      }),
    );
  });

  it("never puts an easier pair into a later stage, or the other way round when reversed", () => {
    fc.assert(
      fc.property(scored, settings, (pairs, chosen) => {
        const difficulty = (rows: number[]) => rows.map((row) => pairs[row]?.difficulty as number);
        const rising = staged(pairs, { ...chosen, order: "easy-to-hard" });
        const falling = staged(pairs, { ...chosen, order: "hard-to-easy" });
        for (let stage = 1; stage < rising.length; stage += 1) {
          const [before, after] = [rising[stage - 1]?.pairs ?? [], rising[stage]?.pairs ?? []];
          expect(Math.max(...difficulty(before))).to.be.at.most(Math.min(...difficulty(after)));
        }
        const sets = (stages: { pairs: number[] }[]) => stages.map((stage) => [...uses(stage.pairs).keys()].sort());
        expect(sets(falling).reverse()).to.deep.equal(sets(rising));
      }),
    );
  });

  it("shuffles into as many steps a stage as the ordered curriculum takes", () => {
    fc.assert(
      fc.property(scored, settings, (pairs, chosen) => {
        const lengths = (order: CurriculumOrder) =>
          staged(pairs, { ...chosen, order }).map((stage) => stage.pairs.length);
        expect(lengths("shuffled")).to.deep.equal(lengths("easy-to-hard"));
      }),
    );
  });

  it("draws shuffled stages over all difficulties", () => {
    const pairs = Array.from({ length: 300 }, (_, pair) => ({ pair, difficulty: pair / 300, stage: null }));
    for (const stage of staged(pairs, { ...options, order: "shuffled" })) {
      const mean = stage.pairs.reduce((sum, pair) => sum + pair / 300, 0) / stage.pairs.length;
      expect(mean).to.be.closeTo(0.5, 0.12);
    }
  });

  it("is the same for the same seed, whatever order the pairs come in, and differs for another", () => {
    const pairs = Array.from({ length: 30 }, (_, pair) => ({ pair, difficulty: pair / 30, stage: null }));
    expect(staged([...pairs].reverse(), options)).to.deep.equal(staged(pairs, options));
    expect(staged(pairs, { ...options, seed: 2 })).not.to.deep.equal(staged(pairs, options));
  });

  it("orders every epoch anew", () => {
    const pairs = Array.from({ length: 20 }, (_, pair) => ({ pair, difficulty: 0, stage: null }));
    const [stage] = staged(pairs, { ...options, stages: 1, epochs: 2 });
    expect(stage?.pairs.slice(0, 20)).not.to.deep.equal(stage?.pairs.slice(20));
  });

  it("takes the pairs' own stages when their number fits, and cuts by difficulty otherwise", () => {
    const pairs = [0, 0, 1, 1].map((stage, pair) => ({
      pair,
      difficulty: [0.9, 0.8, 0.2, 0.1][pair] as number,
      stage,
    }));
    const sets = (stages: { pairs: number[] }[]) => stages.map((stage) => [...stage.pairs].sort());
    const unsaid: Options = { order: "easy-to-hard", epochs: 1, effectiveBatch: 2, seed: 1 };
    expect(sets(staged(pairs, unsaid))).to.deep.equal([
      [0, 1],
      [2, 3],
    ]);
    expect(sets(staged(pairs, { ...options, stages: 2 }))).to.deep.equal([
      [0, 1],
      [2, 3],
    ]);
    expect(sets(staged(pairs, { ...options, stages: 4, effectiveBatch: 1 }))).to.deep.equal([[3], [2], [1], [0]]);
  });

  it("cuts at bounds of difficulty, whatever the column says", () => {
    const pairs = [0.9, 0.3, 0.29, 0.7, 0.1].map((difficulty, pair) => ({ pair, difficulty, stage: 0 }));
    const unsaid: Options = { order: "easy-to-hard", epochs: 1, effectiveBatch: 1, seed: 1 };
    const cut = staged(pairs, { ...unsaid, bounds: [0.3, 0.7] });
    expect(cut.map((stage) => [...stage.pairs].sort())).to.deep.equal([[2, 4], [1], [0, 3]]);
    const wrong = (settings: Partial<Options>) => () => staged(pairs, { ...unsaid, ...settings });
    expect(wrong({ bounds: [0.3, 0.7], stages: 3 })).to.throw(UserError, "found both stages and bounds");
    expect(wrong({ bounds: [0.95] })).to.throw(
      UserError,
      "curriculum.bounds: found 0.95, by which stage 1 would hold no",
    );
    expect(wrong({ bounds: [0.7, 0.3] })).to.throw(UserError, "curriculum.bounds: found 0.7,0.3");
    expect(wrong({ bounds: [1.5] })).to.throw(UserError, "curriculum.bounds");
  });

  it("cuts equal difficulties by row, with sizes that differ by one at most", () => {
    const pairs = [4, 2, 0, 3, 1].map((pair) => ({ pair, difficulty: 0.5, stage: null }));
    const stages = staged(pairs, { ...options, stages: 2, effectiveBatch: 1 });
    expect(stages.map((stage) => [...stage.pairs].sort())).to.deep.equal([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  it("names stages by their level", () => {
    const pairs = [0, 1, 2].map((pair) => ({ pair, difficulty: pair / 3, stage: null }));
    const names = (order: CurriculumOrder) => staged(pairs, { ...options, order }).map(({ name }) => name);
    expect(names("easy-to-hard")).to.deep.equal(["easy", "medium", "hard"]);
    expect(names("hard-to-easy")).to.deep.equal(["hard", "medium", "easy"]);
    expect(names("shuffled")).to.deep.equal(["mixed-1", "mixed-2", "mixed-3"]);
  });

  it("says what is wrong", () => {
    const unscored = [0, 1, 2].map((pair) => ({ pair, difficulty: pair === 1 ? null : 0.5, stage: null }));
    expect(() => staged(unscored, options)).to.throw(UserError, /pair 1 has no difficulty/);
    expect(() => staged([], options)).to.throw(UserError, /no pairs/);
    expect(() => staged(unscored.slice(0, 1), { ...options, epochs: 0 })).to.throw(
      UserError,
      /curriculum\.epochs: found 0/,
    );
    const pair = { pair: 0, difficulty: 0.5, stage: null };
    expect(() => staged([pair], options)).to.throw(UserError, /curriculum\.stages: found 3 stages for 1 pairs/);
  });
});
