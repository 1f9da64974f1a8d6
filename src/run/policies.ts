import type { StepReport } from "../generated/scpo/v1/trainer.js";
import type { ReferencePolicy, ReferenceState } from "../reference/reference.js";
import type { RunPlan, StagePlan } from "./plan.js";

/** What a policy sees beside the report: everything up to and including this step, and nothing later. */
export interface RunState extends ReferenceState {
  readonly plan: RunPlan;
  readonly stagePlan: StagePlan;
  /** True when the plan has no step after this one in the stage. */
  readonly lastOfStage: boolean;
  /** Reports of the open stage, this step's last. */
  readonly reports: readonly StepReport[];
}

/** What a policy wants; what it leaves out it leaves to the others. */
export interface Choice {
  /** Moves the reference: ref <- alpha * policy + (1 - alpha) * ref; above 0, at most 1 (hard). */
  moveReferenceAlpha?: number;
  /** Saves a checkpoint of this name. */
  checkpoint?: string;
  /** Ends the stage after this step; the next one opens. */
  endStage?: boolean;
  /** Ends the run after this step. */
  stop?: boolean;
  /** Told in the journal. */
  reason?: string;
}

/** The run goes on as planned, or as chosen. */
export type Decide = (
  report: StepReport,
  state: RunState,
) => Choice | null | undefined | Promise<Choice | null | undefined>;

/** Ends a stage early: a reason ends it, null lets it go on. */
export type EndStagePolicy = (report: StepReport, state: RunState) => string | null;

/** What decides after each step beside the plan. */
export interface RunPolicies {
  /** Moves the reference within stages; how stages open is in the plan. */
  reference?: Pick<ReferencePolicy, "move" | "soft">;
  endStage?: EndStagePolicy;
  /** The caller's own function; what it chooses wins over the other policies. Training waits for it. */
  decide?: Decide;
  /**
   * Whether the trainer keeps a copy of the reference's weights, which soft moves need; default: when `reference` is
   * soft. Set it when `decide` moves the reference softly.
   */
  keepReferenceWeights?: boolean;
}

/** Whether the trainer has to keep the reference's weights. */
export function keepsReferenceWeights(policies: RunPolicies): boolean {
  return policies.keepReferenceWeights ?? policies.reference?.soft ?? false;
}
