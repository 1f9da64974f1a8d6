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
