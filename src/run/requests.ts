import type { OpenStage, StartTraining } from "../generated/scpo/v1/trainer.js";
import { LearningRateSchedule, Precision, ReferenceAtOpen } from "../generated/scpo/v1/trainer.js";
import type { RunPlan, StagePlan } from "./plan.js";
import { plannedSteps } from "./plan.js";

const schedules = {
  constant: LearningRateSchedule.CONSTANT,
  linear: LearningRateSchedule.LINEAR,
  cosine: LearningRateSchedule.COSINE,
} as const;

const references = {
  policy: ReferenceAtOpen.POLICY,
  keep: ReferenceAtOpen.KEEP,
  initial: ReferenceAtOpen.INITIAL,
} as const;

const precisions = { float32: Precision.FLOAT32, bf16: Precision.BF16, fp16: Precision.FP16 } as const;

/**
 * The first request of a Train stream.
 *
 * @param resumeFrom Name of a saved training to go on from; empty: from the loaded model.
 */
export function startTraining(
  plan: RunPlan,
  checkpointDirectory: string,
  telemetryEndpoint: string,
  resumeFrom = "",
): StartTraining {
  const { dataset, batchSize, gradientAccumulationSteps, seed, weightDecay, maxGradNorm, frozenPrefixes } = plan;
  return {
    dataset,
    batchSize,
    gradientAccumulationSteps,
    seed,
    checkpointDirectory,
    weightDecay,
    maxGradNorm,
    telemetryEndpoint,
    frozenPrefixes,
    resumeFrom,
    precision: plan.precision === undefined ? Precision.UNSPECIFIED : precisions[plan.precision],
  };
}

/** The request that opens a stage. */
export function openStage(plan: RunPlan, stage: number, keepReferenceWeights: boolean): OpenStage {
  const planned = plan.stages[stage] as StagePlan;
  return {
    stage,
    pairs: [...new Set(planned.pairs)].sort((a, b) => a - b),
    steps: plannedSteps(plan, planned),
    objective: planned.objective,
    learningRate: planned.learningRate,
    schedule: schedules[planned.schedule],
    warmupSteps: planned.warmupSteps,
    reference: references[planned.reference],
    keepReferenceWeights,
    heldOutPairs: planned.heldOut ?? [],
  };
}
