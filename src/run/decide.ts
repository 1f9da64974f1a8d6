import { UserError } from "../errors.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { Decision } from "../generated/scpo/v1/trainer.js";
import type { Decided } from "./log/entries.js";
import type { Choice, RunPolicies, TrainingState } from "./policies.js";
import { keepsReferenceWeights } from "./policies.js";

/** How a decision hears that the caller cancels the run. */
export interface Cancellation {
  /** Resolves when the run is cancelled; rejects when the trainer dies. Whoever waits for others races this. */
  readonly interruption: Promise<undefined>;
  /** Set once the run is cancelled. */
  readonly stop: { readonly reason: string } | null;
}

/**
 * The answer to one step's report: what plan, policies and caller want together.
 *
 * The last step of a stage, by plan or by policy, ends it and saves checkpoint `stage-<k>`, whatever other name was
 * chosen; the last of the last stage also stops the training. A move of the reference is left out when nothing is
 * trained against the moved reference.
 *
 * @param cancellation The caller's signal ends the run at once, without a checkpoint and without the policies.
 * @throws UserError when a policy chose what the trainer cannot do.
 */
export async function decide(
  report: StepReport,
  state: TrainingState,
  policies: RunPolicies,
  cancellation: Cancellation,
): Promise<Decided> {
  const own = await Promise.race([policies.decide?.(report, state), cancellation.interruption]);
  const { stop } = cancellation;
  if (stop !== null) {
    const decision = { ...nothing(report), reason: stop.reason, endStage: true, stop: true };
    return { decision, early: "cancelled" };
  }
  const choices: Choice[] = [];
  if (own !== null && own !== undefined) choices.push(own);
  const promotion = policies.curriculum?.promote?.(report, state) ?? null;
  if (promotion !== null) choices.push({ ...promotion, reason: `curriculum: ${promotion.reason}` });
  const move = policies.reference?.move(report, state) ?? null;
  if (move !== null) choices.push({ moveReferenceAlpha: move.alpha, reason: `reference: ${move.reason}` });
  const end = policies.endStage?.(report, state) ?? null;
  if (end !== null) choices.push({ endStage: true, reason: `end of stage: ${end}` });
  return merged(report, state, choices, policies);
}

function merged(report: StepReport, state: TrainingState, choices: readonly Choice[], policies: RunPolicies): Decided {
  const decision = nothing(report);
  const lastStage = state.stage === state.plan.stages.length - 1;
  const stopped = choices.some(({ stop }) => stop === true);
  decision.endStage = state.lastOfStage || stopped || choices.some(({ endStage }) => endStage === true);
  decision.stop = stopped || (decision.endStage && lastStage);
  decision.evaluateHeldOut = !decision.endStage && choices.some(({ evaluateHeldOut }) => evaluateHeldOut === true);
  if (decision.evaluateHeldOut) checkHeldOut(state);
  const asked = choices.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint ?? "";
  decision.checkpoint = decision.endStage ? `stage-${state.stage}` : asked;
  const alpha = choices.find(({ moveReferenceAlpha }) => moveReferenceAlpha !== undefined)?.moveReferenceAlpha;
  if (alpha !== undefined) checkAlpha(alpha, policies, state);
  const next = state.plan.stages[state.stage + 1];
  const isUsed = !decision.endStage || (!decision.stop && next?.reference === "keep");
  if (alpha !== undefined && isUsed) decision.moveReferenceAlpha = alpha;
  const reasons = choices.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
  if (state.lastOfStage) reasons.push("end of the stage's plan");
  decision.reason = reasons.join("; ");
  return { decision, early: stopped ? "stopped" : null };
}

function nothing(report: StepReport): Decision {
  return Decision.fromPartial({ step: report.step });
}

function checkHeldOut({ stagePlan }: TrainingState): void {
  if ((stagePlan.heldOut ?? []).length > 0) return;
  throw new UserError(
    `policy: evaluateHeldOut: stage "${stagePlan.name}" holds out no pairs: list some in the stage's heldOut`,
  );
}

function checkAlpha(alpha: number, policies: RunPolicies, { plan }: TrainingState): void {
  if (!(alpha > 0 && alpha <= 1)) {
    throw new UserError(`policy: moveReferenceAlpha: found ${alpha}, expected a number above 0 and at most 1`);
  }
  if (alpha < 1 && !keepsReferenceWeights(policies, plan)) {
    throw new UserError(
      `policy: moveReferenceAlpha: found ${alpha}, a soft move, but the trainer keeps no copy of the reference's weights: ` +
        "set policies.keepReferenceWeights to true",
    );
  }
}
