import { expect } from "chai";
import { UserError } from "../../src/errors.js";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { referencePolicy } from "../../src/reference/registry.js";
import type { ReferencePolicy } from "../../src/reference/reference.js";

const state = { stage: 0, plannedSteps: 10, stepsSinceMove: 1, reports: [] };

function moves(policy: ReferencePolicy, steps: number): [number, number][] {
  const moved: [number, number][] = [];
  for (let step = 1; step <= steps; step += 1) {
    const move = policy.move(StepReport.fromPartial({ step }), state);
    if (move !== null) moved.push([step, move.alpha]);
  }
  return moved;
}

describe("reference policies", () => {
  it("each-stage resets at every stage and never inside one", () => {
    const policy = referencePolicy({ policy: "each-stage" });
    expect([0, 1, 2].map((stage) => policy.atOpen(stage))).to.deep.equal(["policy", "policy", "policy"]);
    expect(moves(policy, 20)).to.deep.equal([]);
  });

  it("fixed keeps what the first stage took", () => {
    const opens = (start?: "policy" | "initial") => {
      const policy = referencePolicy({ policy: "fixed", ...(start === undefined ? {} : { start }) });
      return [0, 1, 2].map((stage) => policy.atOpen(stage));
    };
    expect(opens()).to.deep.equal(["policy", "keep", "keep"]);
    expect(opens("initial")).to.deep.equal(["initial", "keep", "keep"]);
  });

  it("every-n-steps moves at the multiples, hard or softly", () => {
    const hard = referencePolicy({ policy: "every-n-steps", steps: 3 });
    expect(moves(hard, 10)).to.deep.equal([
      [3, 1],
      [6, 1],
      [9, 1],
    ]);
    expect(hard.soft).to.equal(false);
    const soft = referencePolicy({ policy: "every-n-steps", steps: 4, alpha: 0.6 });
    expect(moves(soft, 10)).to.deep.equal([
      [4, 0.6],
      [8, 0.6],
    ]);
    expect(soft.soft).to.equal(true);
    expect(soft.atOpen(1)).to.equal("keep");
  });

  it("kl-bound moves when the mean drift since the last move is above the bound", () => {
    const policy = referencePolicy({ policy: "kl-bound", bound: 2, window: 3 });
    expect(policy).to.include({ soft: false, moves: true });
    const drift = (klReference: number) => StepReport.fromPartial({ klReference });
    const told = (drifts: number[], stepsSinceMove: number) => {
      const reports = drifts.map(drift);
      return policy.move(reports.at(-1) as StepReport, { ...state, stepsSinceMove, reports })?.reason ?? null;
    };
    expect(told([9, 9], 2)).to.equal(null);
    expect(told([1, 2, 3], 3)).to.equal(null);
    expect(told([9, 2, 2, 3], 4)).to.equal("drift of 2.3333 nats over 3 steps, above 2");
    // The stage has the reports, but the reference moved two steps ago.
    expect(told([9, 9, 9, 9], 2)).to.equal(null);
    expect(told([Number.NaN, Number.NaN, Number.NaN], 3)).to.equal(null);
  });

  it("margin-saturated moves when the margin stops growing, not while it grows", () => {
    const policy = referencePolicy({ policy: "margin-saturated", window: 2, gain: 0.1, alpha: 0.5 });
    expect(policy.soft).to.equal(true);
    const told = (margins: number[], stepsSinceMove: number) => {
      const reports = margins.map((margin) =>
        // Half of the margin on either side; the other picture's texts were not scored.
        StepReport.fromPartial({
          rewards: {
            chosenGivenImages: margin / 2,
            rejectedGivenImages: -margin / 2,
            chosenGivenRejectedImages: Number.NaN,
            rejectedGivenRejectedImages: Number.NaN,
          },
        }),
      );
      return policy.move(reports.at(-1) as StepReport, { ...state, stepsSinceMove, reports });
    };
    expect(told([1, 1, 2, 2], 4)).to.equal(null);
    expect(told([2, 2, 2, 2], 3)).to.equal(null);
    expect(told([2, 2, 2.1, 2.1], 4)).to.deep.equal({
      alpha: 0.5,
      reason: "margin 2.0000, then 2.1000 over 2 steps each: no growth of more than 0.1",
    });
    expect(told([2, 2, 1, 1], 4)).to.have.property("alpha", 0.5);
  });

  it("knows which policies move within stages", () => {
    const moving = [
      { policy: "every-n-steps", steps: 1 },
      { policy: "kl-bound", bound: 1 },
      { policy: "margin-saturated" },
    ] as const;
    for (const settings of moving) {
      const policy = referencePolicy(settings);
      expect(policy.moves, policy.name).to.equal(true);
      expect([0, 1, 2].map((stage) => policy.atOpen(stage))).to.deep.equal(["policy", "keep", "keep"]);
    }
    for (const name of ["each-stage", "fixed"] as const)
      expect(referencePolicy({ policy: name }).moves).to.equal(false);
  });

  it("says what is wrong", () => {
    expect(() => referencePolicy({ policy: "every-n-steps", steps: 0 })).to.throw(
      UserError,
      /reference\.steps: found 0/,
    );
    const alpha = { policy: "every-n-steps", steps: 1, alpha: 1.5 } as const;
    expect(() => referencePolicy(alpha)).to.throw(UserError, /reference\.alpha: found 1.5/);
    expect(() => referencePolicy({ policy: "often" } as never)).to.throw(
      UserError,
      /"often", expected one of each-stage/,
    );
  });
});
