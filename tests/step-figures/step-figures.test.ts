import { expect } from "chai";
import fc from "fast-check";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { stepFigure } from "../../src/step-figures/figure.js";
import { levelling } from "../../src/step-figures/levelling.js";

const number = fc.double({ min: -5, max: 5, noNaN: true });

describe("figures of a step", () => {
  const rewards = {
    chosenGivenImages: 3,
    rejectedGivenImages: 1,
    chosenGivenRejectedImages: -1,
    rejectedGivenRejectedImages: 3,
  };

  it("are means over what was computed", () => {
    const report = StepReport.fromPartial({
      loss: 2,
      rewards,
      accuracies: { textual: 1, visual: 0.5 },
      klReference: 7,
    });
    // Matched minus mismatched texts: 3 - 1 on one picture, 3 - (-1) on the other.
    expect(stepFigure(report, "margin")).to.equal(3);
    expect(stepFigure(report, "accuracy")).to.equal(0.75);
    expect(stepFigure(report, "loss")).to.equal(2);
    expect(stepFigure(report, "kl")).to.equal(7);
    const half = { ...rewards, rejectedGivenRejectedImages: Number.NaN };
    expect(stepFigure({ ...report, rewards: half }, "margin")).to.equal(2);
  });

  it("are NaN where nothing was computed", () => {
    const report = StepReport.fromPartial({});
    expect(stepFigure(report, "margin")).to.be.NaN;
    expect(stepFigure(report, "accuracy")).to.be.NaN;
  });
});

describe("levelling off", () => {
  it("needs two windows", () => {
    expect(levelling([1, 2, 3], 2, 1)).to.equal(null);
    expect(levelling([1, 1, 3, 3], 2, 1)).to.deep.equal({ last: 3, before: 1, gain: 2 });
    expect(levelling([Number.NaN, Number.NaN, 3, 3], 2, 1)).to.equal(null);
    expect(levelling([Number.NaN, 1, 3, 3], 2, 1)).to.deep.equal({ last: 3, before: 1, gain: 2 });
  });

  it("counts a change of a figure that shall fall the other way round", () => {
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 4, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        (values, window) => {
          const rising = levelling(values, window, 1);
          const falling = levelling(values, window, -1);
          if (rising === null) {
            expect(falling).to.equal(null);
            return;
          }
          expect(falling?.gain === undefined ? undefined : -falling.gain + 0).to.equal(rising.gain + 0);
        },
      ),
    );
  });

  it("finds no gain in what does not change, 0 included", () => {
    for (const value of [0, 3, -3]) expect(levelling([value, value, value, value], 2, 1)?.gain).to.equal(0);
  });
});
