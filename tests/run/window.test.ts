import { expect } from "chai";
import fc from "fast-check";
import type { CurriculumState } from "../../src/curriculum/curriculum.js";
import { UserError } from "../../src/errors.js";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { ChosenPairs, PairWindow } from "../../src/run/window.js";

const report = StepReport.fromPartial({});

describe("window of pairs", () => {
  it("stays two steps and a batch ahead, in order, and says when the stage has no more", () => {
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 5 }),
      accumulation: fc.integer({ min: 1, max: 4 }),
      steps: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(sizes, ({ batch, accumulation, steps }) => {
        const perStep = batch * accumulation;
        const pairs = Array.from({ length: steps * perStep }, (_, pair) => pair);
        const window = new PairWindow(pairs, batch, perStep);
        const fed: number[] = [];
        let last = false;
        for (let done = 0; done <= steps; done += 1) {
          const feed = window.topUp({ reports: Array.from({ length: done }, () => report) });
          if (feed !== null) {
            expect(last).to.equal(false);
            expect(feed.pairs).not.to.be.empty;
            fed.push(...feed.pairs);
            last = feed.last;
          }
          expect(fed.length).to.equal(Math.min((done + 3) * perStep + batch, pairs.length));
          expect(last).to.equal(fed.length === pairs.length);
        }
        expect(fed).to.deep.equal(pairs);
      }),
    );
  });
});

describe("pairs that a curriculum chooses", () => {
  const state = (steps: number): CurriculumState => ({
    stage: 1,
    stages: 2,
    plannedSteps: 3,
    drawable: [4, 5, 6],
    reports: Array.from({ length: steps }, () => report),
    margins: new Map(),
  });

  it("are those of one step, asked for with the report of the step before", () => {
    const chosen = new ChosenPairs(({ reports }) => ({ pairs: [4 + reports.length, 4], reason: "mine" }), 3, 2);
    expect([0, 1, 2, 3].map((steps) => chosen.topUp(state(steps)))).to.deep.equal([
      { pairs: [4, 4], last: false, reason: "curriculum: mine" },
      { pairs: [5, 4], last: false, reason: "curriculum: mine" },
      { pairs: [6, 4], last: true, reason: "curriculum: mine" },
      null,
    ]);
  });

  it("are refused when they are no batch of the stage's rows", () => {
    const choose = (...pairs: number[]) => new ChosenPairs(() => ({ pairs, reason: "" }), 3, 2);
    expect(() => choose(4).topUp(state(0))).to.throw(
      UserError,
      "curriculum.next: stage 1, step 1: found 1 rows, expected 2",
    );
    expect(() => choose(4, 9).topUp(state(1))).to.throw(UserError, "step 2: found row 9, expected rows that the stage");
  });
});
