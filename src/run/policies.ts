import type { CurriculumPlan, CurriculumState } from "../curriculum/curriculum.js";
import { UserError } from "../errors.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import type { ReferencePolicy, ReferenceState } from "../reference/reference.js";
import type { RunPlan, StagePlan } from "./plan.js";

/** What a policy sees beside the report: everything up to and including this step, and nothing later. */
export interface TrainingState extends ReferenceState, CurriculumState {
  readonly plan: RunPlan;
  readonly stagePlan: StagePlan;
  /** True when the plan has no step after this one in the stage. */
  readonly lastOfStage: boolean;
}

/** What a policy wants; what it leaves out it leaves to the others. */
export interface Choice {
  /** Moves the reference: ref <- alpha * policy + (1 - alpha) * ref; above 0, at most 1 (hard). */
  moveReferenceAlpha?: number;
  /** Saves a checkpoint of this name. */
  checkpoint?: string;
  /** The next step's report shall hold the figures of the stage's held-out rows. */
  evaluateHeldOut?: boolean;
  /** Ends the stage after this step; the next one opens. */
  endStage?: boolean;
  /** Ends the run after this step. */
  stop?: boolean;
  /** Told in the log. */
  reason?: string;
}

/** The run goes on as planned, or as chosen. */
export type Decide = (
  report: StepReport,
  state: TrainingState,
) => Choice | null | undefined | Promise<Choice | null | undefined>;

/** Ends a stage early: a reason ends it, null lets it go on. */
export type EndStagePolicy = (report: StepReport, state: TrainingState) => string | null;

/** What decides after each step beside the plan. */
export interface RunPolicies {
  /** Moves the reference within stages; how stages open is in the plan. */
  reference?: Pick<ReferencePolicy, "move"> & Partial<Pick<ReferencePolicy, "soft" | "moves">>;
  /** Chooses the rows of stages with `steps`, and ends stages that have done their work; its stages are in the plan. */
  curriculum?: Pick<CurriculumPlan, "next" | "promote">;
  endStage?: EndStagePolicy;
  /** The caller's own function; what it chooses wins over the other policies. Training waits for it. */
  decide?: Decide;
  /**
   * Whether the trainer keeps a copy of the reference's weights. Soft moves need it, and stages that keep a reference
   * which moved in the stage before, since it must be asked about their pairs. Default: when `reference` needs it. Set it
   * when `decide` moves the reference so.
   */
  keepReferenceWeights?: boolean;
}

/** Whether the trainer has to keep the reference's weights. */
export function keepsReferenceWeights(policies: RunPolicies, plan: Pick<RunPlan, "stages">): boolean {
  const { reference, keepReferenceWeights } = policies;
  if (keepReferenceWeights !== undefined) return keepReferenceWeights;
  if (reference === undefined) return false;
  const isKept = plan.stages.slice(1).some((stage) => stage.reference === "keep");
  return (reference.soft ?? false) || (isKept && (reference.moves ?? true));
}

/**
 * Checks that the policies can do what the plan leaves to them.
 *
 * @throws UserError when a stage's rows are to be chosen and nothing chooses them, or the other way round.
 */
export function checkPolicies(plan: RunPlan, policies: RunPolicies): void {
  const chosen = plan.stages.findIndex(({ steps }) => steps !== undefined);
  if (chosen !== -1 && policies.curriculum?.next === undefined) {
    throw new UserError(
      `run plan: stages[${chosen}].steps: found ${plan.stages[chosen]?.steps}, but no policies.curriculum.next chooses ` +
        "the rows of each step: pass the curriculum, or list the rows in pairs and leave steps out",
    );
  }
  if (chosen === -1 && policies.curriculum?.next !== undefined) {
    throw new UserError(
      "policies.curriculum.next: found a function that no stage would ask, expected stages that give a number of steps: " +
        "leave it out, or use a curriculum whose rows are chosen step by step, such as self-paced",
    );
  }
}
