import { expect } from "chai";
import { UserError } from "../../src/errors.js";
import { referencePolicy, type ReferenceSettings } from "../../src/reference/registry.js";
import type { RunPlan, StagePlan } from "../../src/run/plan.js";
import { plannedSteps } from "../../src/run/plan.js";
import { checkPlan, planProblems } from "../../src/run/plan-problems.js";
import { checkPolicies, keepsReferenceWeights } from "../../src/run/policies.js";

function plan(): RunPlan {
  return {
    name: "test",
    directory: "/runs/test",
    model: "/models/tiny",
    dataset: { path: "/data/pairs.parquet", sha256: "0".repeat(64) },
    seed: 1,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    training: {},
    stages: [0, 1, 2].map((stage) => ({
      name: `stage ${stage}`,
      pairs: [0, 1, 2, 3, 4, 5, 6, 7],
      learningRate: 1e-4,
      schedule: "cosine",
      warmupSteps: 0,
      reference: "policy",
      losses: [{ name: "scpo", parameters: { beta: 0.1 } }],
    })),
  };
}

describe("run plan", () => {
  it("accepts a right one and counts its steps", () => {
    const right = plan();
    checkPlan(right);
    expect(right.stages.map((stage) => plannedSteps(right, stage))).to.deep.equal([2, 2, 2]);
  });

  it("names one mistake in one line", () => {
    const wrong = plan();
    Object.assign(wrong.stages[2] as object, { learningRate: -1 });
    const line = "run plan: stages[2].learningRate: found -1, expected a number above 0";
    expect(() => checkPlan(wrong)).to.throw(UserError, new RegExp(`^${line.replace(/[[\].]/g, "\\$&")}$`));
  });

  it("names all mistakes at once by their fields", () => {
    const wrong = plan();
    wrong.seed = -1;
    wrong.dataset.sha256 = "ABC";
    wrong.directory = "runs/test";
    wrong.training = { seed: 3 };
    Object.assign(wrong.stages[0] as object, { pairs: [1, 2, 3], schedule: "steps" });
    Object.assign(wrong.stages[1] as object, { pairs: [0, 1, 2, -3], warmupSteps: 0.5, reference: "previous" });
    Object.assign(wrong.stages[2] as object, {
      losses: [{ name: "", parameters: { beta: Number.POSITIVE_INFINITY } }],
    });
    expect(planProblems(wrong).map(({ field }) => field)).to.have.members([
      "seed",
      "dataset.sha256",
      "directory",
      "training.seed",
      "stages[0].pairs.length",
      "stages[0].schedule",
      "stages[1].pairs[3]",
      "stages[1].warmupSteps",
      "stages[1].reference",
      "stages[2].losses[0].name",
      "stages[2].losses[0].parameters.beta",
    ]);
    expect(() => checkPlan(wrong)).to.throw(UserError, /11 mistakes/);
  });

  it("takes steps for a stage whose rows are chosen step by step, each row once", () => {
    const chosen = plan();
    Object.assign(chosen.stages[0] as object, { pairs: [1, 2, 3], steps: 7 });
    checkPlan(chosen);
    expect(plannedSteps(chosen, chosen.stages[0] as StagePlan)).to.equal(7);
    Object.assign(chosen.stages[1] as object, { steps: 0 });
    Object.assign(chosen.stages[2] as object, { pairs: [1, 2, 2], steps: 1 });
    expect(planProblems(chosen).map(({ field }) => field)).to.deep.equal(["stages[1].steps", "stages[2].pairs"]);
    const policies = { curriculum: { next: () => ({ pairs: [], reason: "" }) } };
    expect(() => checkPolicies(chosen, {})).to.throw(UserError, "stages[0].steps: found 7, but no policies.curriculum");
    checkPolicies(chosen, policies);
  });

  it("wants held-out rows that the stage does not train on", () => {
    const wrong = plan();
    Object.assign(wrong.stages[0] as object, { heldOut: [8, 9] });
    Object.assign(wrong.stages[1] as object, { heldOut: [3] });
    Object.assign(wrong.stages[2] as object, { heldOut: [-1] });
    const fields = planProblems(wrong).map(({ field }) => field);
    expect(fields).to.deep.equal(["stages[1].heldOut", "stages[2].heldOut[0]"]);
  });

  it("keeps the reference's weights where it moves softly, or is kept by a stage after it moved", () => {
    const keeps = (reference: ReferenceSettings, kept: boolean) => {
      const stages = plan().stages.map((stage): StagePlan => ({ ...stage, reference: kept ? "keep" : "policy" }));
      return keepsReferenceWeights({ reference: referencePolicy(reference) }, { stages });
    };
    expect(keeps({ policy: "every-n-steps", steps: 2 }, true)).to.equal(true);
    expect(keeps({ policy: "every-n-steps", steps: 2 }, false)).to.equal(false);
    expect(keeps({ policy: "every-n-steps", steps: 2, alpha: 0.5 }, false)).to.equal(true);
    expect(keeps({ policy: "fixed" }, true)).to.equal(false);
    expect(keepsReferenceWeights({}, plan())).to.equal(false);
  });

  it("wants stages with pairs", () => {
    expect(planProblems({ ...plan(), stages: [] }).map(({ field }) => field)).to.deep.equal(["stages"]);
    const empty = plan();
    Object.assign(empty.stages[0] as object, { pairs: [] });
    expect(planProblems(empty).map(({ field }) => field)).to.deep.equal(["stages[0].pairs"]);
  });
});
