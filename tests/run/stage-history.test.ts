import { expect } from "chai";
import fc from "fast-check";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { StageHistory } from "../../src/run/stage-history.js";

function report(...pairs: [pair: number, margin: number][]): StepReport {
  return StepReport.fromPartial({
    pairs: pairs.map(([pair, margin]) => ({ pair, margins: { textual: margin - 1, of_its_own: margin + 1 } })),
  });
}

describe("history of a stage", () => {
  it("has the latest margin of each pair, the mean over those that were computed", () => {
    const history = new StageHistory();
    history.open("policy");
    history.add(report([4, 1], [7, 2]));
    history.add(report([4, 3]));
    expect([...history.margins]).to.have.deep.members([
      [4, 3],
      [7, 2],
    ]);
    expect(history.reports).to.have.length(2);
    expect(history.stepsSinceMove).to.equal(2);
  });

  it("forgets margins whenever the reference changes, and reports whenever a stage opens", () => {
    type Happening = "step" | "move" | "keep" | "policy" | "initial";
    const happening = fc.constantFrom<Happening>("step", "move", "keep", "policy", "initial");
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        const history = new StageHistory();
        for (const what of happenings) {
          if (what === "step") history.add(report([1, 0]));
          else if (what === "move") history.move();
          else history.open(what);
        }
        const since = (...ends: Happening[]) =>
          happenings
            .slice(happenings.findLastIndex((what) => ends.includes(what)) + 1)
            .filter((what) => what === "step");
        expect(history.stepsSinceMove).to.equal(since("move", "policy", "initial").length);
        expect(history.margins.size).to.equal(Math.min(1, history.stepsSinceMove));
        expect(history.reports.length).to.equal(since("keep", "policy", "initial").length);
      }),
    );
  });
});
