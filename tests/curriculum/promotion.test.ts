import { expect } from "chai";
import fc from "fast-check";
import type { CurriculumState, Promote } from "../../src/curriculum/curriculum.js";
import { promotionPolicy, promotionSettings } from "../../src/curriculum/promotion/registry.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { UserError } from "../../src/errors.js";
import { HeldOutReport, StepReport } from "../../src/generated/scpo/v1/trainer.js";

const policy = (settings: object): Promote => promotionPolicy(promotionSettings.parse(settings));

function state(reports: StepReport[], changes: Partial<CurriculumState> = {}): CurriculumState {
  return { stage: 0, stages: 2, plannedSteps: 100, drawable: [], reports, margins: new Map(), ...changes };
}

function withLosses(losses: readonly number[]): StepReport[] {
  return losses.map((loss, at) => StepReport.fromPartial({ loss, step: at + 1, stepInStage: at + 1 }));
}

/** What a policy says to a stage with these losses. */
function after(promote: Promote, losses: readonly number[], changes: Partial<CurriculumState> = {}) {
  const reports = withLosses(losses);
  return promote(reports.at(-1) as StepReport, state(reports, changes));
}

describe("promotion on a plateau", () => {
  const promote = policy({ on: "plateau", figure: "loss", window: 3, gain: 0.1 });

  it("waits for two windows and for a gain that is too small", () => {
    expect(after(promote, [5, 5, 5, 5, 5])).to.equal(null);
    expect(after(promote, [6, 6, 6, 3, 3, 3])).to.equal(null);
    expect(after(promote, [6, 6, 6, 5.9, 5.9, 5.9])).to.deep.equal({
      endStage: true,
      reason: "loss 6.0000, then 5.9000 over 3 steps each: no gain of more than 0.1",
    });
    expect(after(promote, [6, 6, 6, 7, 7, 7])).to.have.property("endStage", true);
  });

  it("leaves the last stage to its plan", () => {
    expect(after(promote, [6, 6, 6, 6, 6, 6], { stage: 1 })).to.equal(null);
  });

  it("does not depend on a figure's scale, nor on what was before its windows", () => {
    const losses = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 6, maxLength: 12 });
    fc.assert(
      fc.property(losses, fc.constantFrom(0.25, 2, 1024), (values, scale) => {
        const ends = after(promote, values) !== null;
        expect(
          after(
            promote,
            values.map((value) => value * scale),
          ) !== null,
        ).to.equal(ends);
        expect(after(promote, values.slice(-6)) !== null).to.equal(ends);
      }),
    );
  });

  it("does nothing where the loss gives no such figure", () => {
    const margins = policy({ on: "plateau", figure: "margin", window: 1 });
    expect(after(margins, [1, 1])).to.equal(null);
  });
});

describe("promotion on held-out pairs", () => {
  const promote = policy({ on: "held-out", accuracy: 0.75, every: 5 });

  it("asks for the figures one step ahead, every so many steps, while steps are left", () => {
    const asked = Array.from({ length: 12 }, (_, at) => {
      const report = StepReport.fromPartial({ stepInStage: at + 1 });
      return promote(report, state([report], { plannedSteps: 10 }))?.evaluateHeldOut === true ? at + 1 : 0;
    });
    expect(asked.filter((step) => step > 0)).to.deep.equal([4]);
  });

  it("ends the stage when their mean accuracy is reached", () => {
    const told = (accuracies: Record<string, number>) => {
      const heldOut = HeldOutReport.fromPartial({ pairs: 8, accuracies });
      const report = StepReport.fromPartial({ stepInStage: 5, heldOut });
      return promote(report, state([report]));
    };
    expect(told({ textual: 1, visual: 0.5 })).to.deep.equal({
      endStage: true,
      reason: "accuracy 0.7500 on 8 held-out pairs, expected 0.75",
    });
    expect(told({ textual: 1, visual: 0.375 })).to.equal(null);
    expect(told({})).to.equal(null);
  });

  it("holds out a share of every stage but the last, and never trains on it, replay included", () => {
    const pairs = Array.from({ length: 60 }, (_, pair) => ({ pair, difficulty: pair / 60, stage: null }));
    const settings = { policy: "staged", stages: 3, epochs: 2, replay: 0.5 } as const;
    const make = (promotion: object) =>
      curriculumPolicy({ ...settings, promotion } as never)(pairs, { effectiveBatch: 4, seed: 2 }).stages;
    const stages = make({ on: "held-out", share: 0.2 });
    expect(stages.map(({ heldOut }) => heldOut?.length)).to.deep.equal([4, 4, undefined]);
    const heldOut = new Set(stages.flatMap((stage) => stage.heldOut ?? []));
    expect(heldOut.size).to.equal(8);
    const trained = new Set(stages.flatMap((stage) => stage.pairs));
    expect(trained.size).to.equal(52);
    for (const row of heldOut) expect(trained.has(row)).to.equal(false);
    for (const stage of make({ on: "plateau" })) expect(stage).not.to.have.property("heldOut");
  });

  it("wants two pairs or more in a stage that holds some out", () => {
    const pairs = [0, 1].map((pair) => ({ pair, difficulty: pair, stage: pair }));
    const curriculum = curriculumPolicy({ policy: "staged", promotion: { on: "held-out" } });
    expect(() => curriculum(pairs, { effectiveBatch: 1, seed: 1 })).to.throw(UserError, "found a stage of 1 pair");
  });
});
