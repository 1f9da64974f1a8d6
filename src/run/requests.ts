import type { OpenStage, StartTraining } from "../generated/scpo/v1/trainer.js";
import { LearningRateSchedule, ReferenceAtOpen } from "../generated/scpo/v1/trainer.js";
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
  const { dataset, batchSize, gradientAccumulationSteps, seed } = plan;
  return {
    dataset,
    batchSize,
    gradientAccumulationSteps,
    seed,
    checkpointDirectory,
    telemetryEndpoint,
    resumeFrom,
    settings: JSON.stringify(trainingSettings(plan)),
  };
}

/** The plan's settings under the names of `SCPOConfig`. */
function trainingSettings({ weightDecay, maxGradNorm, frozenPrefixes, precision }: RunPlan): Record<string, unknown> {
  return {
    weight_decay: weightDecay,
    max_grad_norm: maxGradNorm,
    frozen_prefixes: frozenPrefixes,
    ...(precision === undefined ? {} : { bf16: precision === "bf16", fp16: precision === "fp16" }),
  };
}

/** The request that opens a stage. */
export function openStage(plan: RunPlan, stage: number, keepReferenceWeights: boolean): OpenStage {
  const planned = plan.stages[stage] as StagePlan;
  return {
    stage,
    pairs: [...new Set(planned.pairs)].sort((a, b) => a - b),
    steps: plannedSteps(plan, planned),
    objective: { losses: [{ name: planned.objective.loss, parameters: planned.objective.parameters }] },
    learningRate: planned.learningRate,
    schedule: schedules[planned.schedule],
    warmupSteps: planned.warmupSteps,
    reference: references[planned.reference],
    keepReferenceWeights,
    heldOutPairs: planned.heldOut ?? [],
  };
}
