import { expect } from "chai";
import fc from "fast-check";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { PairWindow } from "../../src/run/window.js";

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
