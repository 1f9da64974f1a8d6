import { expect } from "chai";
import type { Promotion } from "../../src/curriculum/curriculum.js";
import { UserError } from "../../src/errors.js";
import { Decision, StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { decide } from "../../src/run/decide.js";
import type { RunPlan, StagePlan } from "../../src/run/plan.js";
import type { RunPolicies, TrainingState } from "../../src/run/policies.js";

const report = StepReport.fromPartial({ step: 5, stepInStage: 2 });
const never = { interruption: new Promise<undefined>(() => undefined), stop: null };

function state(stage: number, references: StagePlan["reference"][], lastOfStage = false): TrainingState {
  const stages = references.map((reference) => ({ reference }) as StagePlan);
  const plan = { stages } as RunPlan;
  const stagePlan = stages[stage] as StagePlan;
  return {
    plan,
    stagePlan,
    stage,
    stages: stages.length,
    plannedSteps: 9,
    drawable: [],
    stepsSinceMove: 2,
    margins: new Map(),
    lastOfStage,
    reports: [report],
  };
}

const inside = state(0, ["policy", "policy"]);
const answer = async (at: TrainingState, policies: RunPolicies) => (await decide(report, at, policies, never)).decision;

describe("decision after a step", () => {
  it("goes on without policies inside a stage", async () => {
    const decision = await answer(inside, {});
    expect(decision).to.deep.equal(Decision.fromPartial({ step: 5 }));
  });

  it("ends a stage at its last planned step with a checkpoint, and the run at the last stage's", async () => {
    const first = await answer(state(0, ["policy", "policy"], true), {});
    expect(first).to.include({ checkpoint: "stage-0", endStage: true, stop: false });
    const last = await answer(state(1, ["policy", "policy"], true), {});
    expect(last).to.include({ checkpoint: "stage-1", endStage: true, stop: true });
  });

  it("tells every policy's reason and lets the caller's choice win", async () => {
    const decision = await answer(inside, {
      reference: { soft: false, move: () => ({ alpha: 1, reason: "every 5 steps" }) },
      endStage: () => null,
      decide: () => ({ moveReferenceAlpha: 0.5, checkpoint: "half", reason: "mine" }),
      keepReferenceWeights: true,
    });
    expect(decision).to.include({ moveReferenceAlpha: 0.5, checkpoint: "half" });
    expect(decision.reason).to.equal("mine; reference: every 5 steps");
  });

  it("ends a stage early by policy, with the stage's checkpoint", async () => {
    const decision = await answer(inside, { endStage: () => "margins are saturated" });
    expect(decision).to.include({ checkpoint: "stage-0", endStage: true, stop: false });
    expect(decision.reason).to.equal("end of stage: margins are saturated");
  });

  it("asks for held-out figures, or ends the stage, as the curriculum wants", async () => {
    const promote = (promotion: Promotion): RunPolicies => ({ curriculum: { promote: () => promotion } });
    const holding = { ...inside, stagePlan: { ...inside.stagePlan, heldOut: [3] } };
    const asked = await answer(holding, promote({ evaluateHeldOut: true, reason: "now" }));
    expect(asked).to.include({ evaluateHeldOut: true, endStage: false, reason: "curriculum: now" });
    const ended = await answer(holding, promote({ endStage: true, evaluateHeldOut: true, reason: "learnt" }));
    expect(ended).to.include({ evaluateHeldOut: false, endStage: true, checkpoint: "stage-0" });
    const none: unknown = await answer(inside, promote({ evaluateHeldOut: true, reason: "" })).catch(
      (error: unknown) => error,
    );
    expect(none).to.be.instanceOf(UserError).with.property("message").that.includes("holds out no pairs");
  });

  it("leaves out a move that nothing is trained against", async () => {
    const move: RunPolicies = { decide: () => ({ moveReferenceAlpha: 1 }) };
    expect(await answer(state(0, ["policy", "policy"], true), move)).to.have.property("moveReferenceAlpha", undefined);
    expect(await answer(state(0, ["policy", "keep"], true), move)).to.include({ moveReferenceAlpha: 1 });
    expect(await answer(state(1, ["policy", "keep"], true), move)).to.have.property("moveReferenceAlpha", undefined);
  });

  it("refuses moves that cannot be made", async () => {
    const choose = (moveReferenceAlpha: number): RunPolicies => ({ decide: () => ({ moveReferenceAlpha }) });
    for (const [alpha, message] of [
      [0, /found 0/],
      [1.5, /found 1.5/],
      [0.5, /keepReferenceWeights/],
    ] as const) {
      const error: unknown = await answer(inside, choose(alpha)).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(UserError);
      expect((error as Error).message).to.match(message);
    }
  });

  it("stops without checkpoint when the caller cancels, even while a policy thinks", async () => {
    const cancelled = { interruption: Promise.resolve(undefined), stop: { reason: "cancelled by the caller" } };
    const thinking: RunPolicies = { decide: () => new Promise(() => undefined) };
    const { decision, early } = await decide(report, inside, thinking, cancelled);
    expect(decision).to.include({ checkpoint: "", endStage: true, stop: true, reason: "cancelled by the caller" });
    expect(early).to.equal("cancelled");
  });
});
