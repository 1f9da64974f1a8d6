import { expect } from "chai";
import fc from "fast-check";
import type { CurriculumPlan } from "../../src/curriculum/curriculum.js";
import { curriculumPolicy } from "../../src/curriculum/registry.js";
import { UserError } from "../../src/errors.js";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { referencePolicy } from "../../src/reference/registry.js";
import type { RecordedPlan } from "../../src/run/plan.js";
import type { RecordedRun } from "../../src/simulate/recorded-run.js";
import { meanDifficulty, simulate } from "../../src/simulate/simulate.js";

/** A run of so many stages of four steps of two pairs; the second stage was ended after its third step. */
function recorded(kl: (step: number) => number = () => 0, stages = 2): RecordedRun {
  const rows = (stage: number) => Array.from({ length: 8 }, (_, row) => 8 * stage + row);
  const planned = Array.from({ length: stages }, (_, stage) => ({
    name: `stage ${stage}`,
    pairs: rows(stage),
    reference: "policy",
  }));
  const reports: StepReport[] = [];
  for (const [stage, { pairs }] of planned.entries()) {
    for (let at = 0; at < (stage === 1 ? 3 : 4); at += 1) {
      const step = reports.length + 1;
      const trained = pairs.slice(2 * at, 2 * at + 2).map((pair) => ({ pair, margins: { textual: pair } }));
      reports.push(StepReport.fromPartial({ step, stage, stepInStage: at + 1, klReference: kl(step), pairs: trained }));
    }
  }
  const plan = { batchSize: 1, gradientAccumulationSteps: 2, stages: planned } as unknown as RecordedPlan;
  return { plan, reports, moves: new Map(), ended: new Set([4, 7]) };
}

const told = (decisions: readonly { step: number; what: string }[]) => decisions.map(({ step, what }) => [step, what]);

describe("simulation", () => {
  it("goes through the stages as they were recorded, where only the reference is another", () => {
    const { decisions, stages, steps } = simulate(
      recorded((step) => step),
      {
        reference: referencePolicy({ policy: "kl-bound", bound: 1.9, window: 2 }),
      },
    );
    expect(told(decisions)).to.deep.equal([
      [0, "stage opens"],
      // Means over two steps: 1.5, then 2.5; two steps lie between moves. The next stage keeps the reference.
      [3, "reference moves"],
      [4, "stage ends"],
      [4, "stage opens"],
      [6, "reference moves"],
      [7, "stage ends"],
    ]);
    expect(decisions[1]?.reason).to.equal("alpha 1: drift of 2.5000 nats over 2 steps, above 1.9");
    expect(stages.map((stage) => [stage.planned, stage.steps])).to.deep.equal([
      [4, 4],
      [4, 3],
    ]);
    expect(steps.map(({ pairs }) => pairs)).to.deep.equal(
      recorded().reports.map(({ pairs }) => pairs.map((one) => one.pair)),
    );
  });

  it("takes the curriculum's stages, as far as there are reports", () => {
    const pairs = Array.from({ length: 16 }, (_, pair) => ({ pair, difficulty: pair / 16, stage: null }));
    const curriculum = curriculumPolicy({ policy: "staged", stages: 4 })(pairs, { effectiveBatch: 2, seed: 1 });
    const { decisions, stages, steps } = simulate(recorded(), { curriculum });
    expect(stages.map((stage) => stage.steps)).to.deep.equal([2, 2, 2, 1]);
    expect(told(decisions).filter(([, what]) => what === "stage ends")).to.deep.equal([
      [2, "stage ends"],
      [4, "stage ends"],
      [6, "stage ends"],
    ]);
    expect(steps.flatMap((step) => step.pairs)).to.deep.equal(
      curriculum.stages.flatMap((stage) => stage.pairs).slice(0, 14),
    );
    expect(meanDifficulty(pairs)(steps[0]?.pairs ?? [])).to.be.lessThan(4 / 16);
  });

  it("tells a curriculum each report when its time has come, and no later one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), (length) => {
        const known: number[][] = [];
        const curriculum: CurriculumPlan = {
          stages: [{ name: "all", pairs: [0, 1], padding: 0, steps: length }],
          next: ({ reports, margins }) => {
            known.push([reports.length, margins.size]);
            return { pairs: [0, 1], reason: "" };
          },
        };
        simulate(recorded(), { curriculum });
        expect(known).to.deep.equal(Array.from({ length }, (_, step) => [step, 2 * step]));
      }),
    );
  });

  it("moves the reference where the run did, unless another policy is given", () => {
    const moved = { ...recorded(), moves: new Map([[2, { alpha: 0.5, reason: "then" }]]) };
    const sizes: number[] = [];
    const promote: CurriculumPlan["promote"] = (_, { margins }) => {
      sizes.push(margins.size);
      return null;
    };
    const stages = [{ name: "all", pairs: Array.from({ length: 8 }, (_, row) => row), padding: 0 }];
    simulate(moved, { curriculum: { stages, promote } });
    expect(sizes).to.deep.equal([2, 4, 2, 4]);
  });

  it("says what a curriculum lacks", () => {
    const stages = [{ name: "all", pairs: [0], padding: 0, steps: 2 }];
    expect(() => simulate(recorded(), { curriculum: { stages } })).to.throw(UserError, "it has no next");
  });
});
