import { expect } from "chai";
import fc from "fast-check";
import type { CurriculumPair } from "../../src/curriculum/curriculum.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { UserError } from "../../src/errors.js";

/** Row and difficulty apart, so that one cannot stand in for the other. */
function graded(count: number): CurriculumPair[] {
  return Array.from({ length: count }, (_, pair) => ({ pair, difficulty: ((pair * 37) % count) / count, stage: null }));
}

describe("competence-based curriculum", () => {
  it("draws each step from the easiest share that is open at it, every pair of a batch once", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(11, 40, 83),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 1000 }),
        (count, effectiveBatch, start, seed) => {
          const pairs = graded(count);
          const settings = { policy: "competence", start, power: 1, length: 1 } as const;
          const { stages } = curriculumPolicy(settings)(pairs, { effectiveBatch, seed });
          const rows = stages.flatMap((stage) => stage.pairs);
          const total = Math.ceil(count / effectiveBatch);
          expect(rows.length).to.equal(total * effectiveBatch);
          for (let step = 0; step < total; step += 1) {
            const batch = rows.slice(step * effectiveBatch, (step + 1) * effectiveBatch);
            expect(new Set(batch).size).to.equal(effectiveBatch);
            const share = Math.min(1, (step * (1 - start)) / total + start);
            const open = Math.max(effectiveBatch, Math.floor(share * count + 1e-9));
            for (const row of batch) expect(((row * 37) % count) + 1).to.be.at.most(open);
          }
        },
      ),
    );
  });

  it("draws uniformly from what is open", () => {
    const settings = { policy: "competence", start: 1, epochs: 400 } as const;
    const { stages } = curriculumPolicy(settings)(graded(10), { effectiveBatch: 2, seed: 3 });
    const counts = new Array<number>(10).fill(0);
    for (const row of stages[0]?.pairs ?? []) counts[row] = (counts[row] as number) + 1;
    // 2,000 batches of 2 of 10: 400 each, with a standard deviation of sqrt(2000 * 0.2 * 0.8) = 18.
    for (const count of counts) expect(count).to.be.within(400 - 90, 400 + 90);
  });

  it("cuts its steps into stages and is the same for the same seed alone", () => {
    const make = (seed: number) =>
      curriculumPolicy({ policy: "competence", stages: 3 })(graded(40), { effectiveBatch: 4, seed }).stages;
    expect(make(1).map(({ name, pairs }) => [name, pairs.length])).to.deep.equal([
      ["part-1", 12],
      ["part-2", 12],
      ["part-3", 16],
    ]);
    expect(make(1)).to.deep.equal(make(1));
    expect(make(1)).not.to.deep.equal(make(2));
  });

  it("repeats pairs where there are fewer than a batch, and wants difficulties", () => {
    const few = curriculumPolicy({ policy: "competence" })(graded(3), { effectiveBatch: 7, seed: 1 }).stages[0]?.pairs;
    expect(few).to.have.length(7);
    expect(new Set(few).size).to.equal(3);
    const unscored = [{ pair: 0, difficulty: null, stage: 0 }];
    expect(() => curriculumPolicy({ policy: "competence" })(unscored, { effectiveBatch: 1, seed: 1 })).to.throw(
      UserError,
      "pair 0 has no difficulty; expected one for every pair to open the easiest first",
    );
  });
});
