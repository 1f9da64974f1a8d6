import { expect } from "chai";
import fc from "fast-check";
import type { CurriculumPlan, CurriculumState, PairDraw } from "../../src/curriculum/curriculum.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";

const report = StepReport.fromPartial({});
const rows = Array.from({ length: 20 }, (_, row) => row);
const pairs = rows.map((pair) => ({ pair, difficulty: pair / 20, stage: null }));

function planned(settings: object = {}, effectiveBatch = 4): CurriculumPlan {
  return curriculumPolicy({ policy: "self-paced", ...settings })(pairs, { effectiveBatch, seed: 5 });
}

function next(plan: CurriculumPlan, done: number, margins: [number, number][] = [], stage = 0): PairDraw {
  const state: CurriculumState = {
    stage,
    stages: plan.stages.length,
    plannedSteps: plan.stages[stage]?.steps ?? 0,
    drawable: rows,
    reports: Array.from({ length: done }, () => report),
    margins: new Map(margins),
  };
  return plan.next?.(state) ?? expect.fail("chooses nothing");
}

describe("self-paced curriculum", () => {
  it("opens every pair to every stage and says how many steps it takes", () => {
    expect(planned().stages).to.deep.equal([{ name: "all", pairs: rows, padding: 0, steps: 5 }]);
    expect(planned({ epochs: 2, stages: 3 }).stages.map(({ steps }) => steps)).to.deep.equal([3, 3, 4]);
  });

  it("begins with the easiest pairs by difficulty", () => {
    for (const row of next(planned({ start: 0.25 }), 0).pairs) expect(row).to.be.lessThan(5);
  });

  it("takes the policy's margins for easiness where it has them", () => {
    // Hard rows have large margins, easy rows small ones: the order is the margins', not the difficulties'.
    const margins = rows.map((row): [number, number] => [row, row]);
    const { pairs: drawn, reason } = next(planned({ start: 0.25 }), 0, margins);
    for (const row of drawn) expect(row).to.be.at.least(15);
    expect(reason).to.equal("easiest 5 of 20 pairs, 5 of them by the policy's margin");
  });

  it("opens all pairs in the end, so that every one can come", () => {
    const plan = planned({ epochs: 300, length: 0.1 });
    const seen = new Set<number>();
    for (let done = 200; done < 400; done += 1) for (const row of next(plan, done).pairs) seen.add(row);
    expect(seen.size).to.equal(20);
  });

  it("goes on over stages where it was, and depends on its state alone", () => {
    const [one, two] = [planned({ epochs: 4 }), planned({ epochs: 4, stages: 2 })];
    const open = (draw: PairDraw) => /easiest (\d+)/.exec(draw.reason)?.[1];
    expect(open(next(two, 0, [], 1))).to.equal(open(next(one, 10)));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 19 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 19 }), fc.double({ min: -9, max: 9, noNaN: true })), {
          maxLength: 20,
        }),
        (done, margins) => {
          const draw = next(one, done, margins);
          expect(draw).to.deep.equal(next(planned({ epochs: 4 }), done, margins));
          expect(new Set(draw.pairs).size).to.equal(4);
          for (const row of draw.pairs) expect(rows).to.include(row);
        },
      ),
    );
  });

  it("takes a margin that was not computed for no margin", () => {
    const margins = rows.map((row): [number, number] => [row, Number.NaN]);
    expect(next(planned(), 0, margins).pairs).to.deep.equal(next(planned(), 0).pairs);
  });
});
