import { expect } from "chai";
import fc from "fast-check";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { withReplay } from "../../src/curriculum/replay.js";

const sizes = fc.record({
  own: fc.integer({ min: 1, max: 60 }),
  earlier: fc.integer({ min: 0, max: 30 }),
  share: fc.double({ min: 0, max: 0.95, noNaN: true }),
  batch: fc.integer({ min: 1, max: 16 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe("replay of earlier stages", () => {
  it("keeps the share over whole batches, own rows in order, earlier rows equally often", () => {
    fc.assert(
      fc.property(sizes, ({ own, earlier, share, batch, seed }) => {
        // Earlier rows from 1000 on, so that they can be told apart.
        const rows = {
          own: Array.from({ length: own }, (_, row) => row),
          earlier: Array.from({ length: earlier }, (_, row) => 1000 + row),
        };
        const { pairs, padding } = withReplay(rows, share, batch, seed, 1);
        expect(pairs.length % batch).to.equal(0);
        const used = pairs.filter((row) => row < 1000);
        expect(used.slice(0, own)).to.deep.equal(rows.own);
        expect(used.length).to.equal(own + padding);
        expect(padding).to.be.lessThan(batch);
        const replayed = pairs.filter((row) => row >= 1000);
        if (earlier === 0) {
          expect(replayed).to.be.empty;
          return;
        }
        for (let step = 1; step * batch <= pairs.length; step += 1) {
          const old = pairs.slice(0, step * batch).filter((row) => row >= 1000).length;
          expect(Math.abs(old - share * batch * step)).to.be.at.most(0.5 + 1e-9);
        }
        const counts = rows.earlier.map((row) => replayed.filter((other) => other === row).length);
        expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
      }),
    );
  });

  it("draws from every stage before and from no other", () => {
    const pairs = Array.from({ length: 60 }, (_, pair) => ({ pair, difficulty: pair / 60, stage: null }));
    const curriculum = curriculumPolicy({ policy: "staged", stages: 3, replay: 0.5 });
    const { stages } = curriculum(pairs, { effectiveBatch: 4, seed: 1 });
    const levels = stages.map((stage) => new Set(stage.pairs.map((row) => Math.floor(row / 20))));
    expect(levels).to.deep.equal([new Set([0]), new Set([1, 0]), new Set([2, 0, 1])]);
    expect(stages.map((stage) => stage.pairs.length)).to.deep.equal([20, 40, 40]);
  });
});
