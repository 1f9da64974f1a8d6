import type { DeepPartial, LoadModelRequest, OpenStage, StartTraining } from "../generated/scpo/v1/trainer.js";
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
    settings: JSON.stringify({ ...plan.training, ...lossSettings(plan.stages[0] as StagePlan) }),
  };
}

/** The first stage's losses as settings, against which others are checked. */
function lossSettings({ losses }: StagePlan): RunPlan["training"] {
  return {
    loss_type: losses.map(({ name }) => name),
    loss_weights: losses.map(({ weight = 1 }) => weight),
    loss_parameters: Object.fromEntries(losses.map(({ name, parameters }) => [name, parameters])),
  };
}

/** The request that loads the model of a run. */
export function loadModel({ model, training }: Pick<RunPlan, "model" | "training">): DeepPartial<LoadModelRequest> {
  return { path: model, trustRemoteCode: training["trust_remote_code"] === true, settings: JSON.stringify(training) };
}

/** The request that opens a stage. */
export function openStage(plan: RunPlan, stage: number, keepReferenceWeights: boolean): OpenStage {
  const planned = plan.stages[stage] as StagePlan;
  return {
    stage,
    pairs: [...new Set(planned.pairs)].sort((a, b) => a - b),
    steps: plannedSteps(plan, planned),
    objective: { losses: planned.losses },
    learningRate: planned.learningRate,
    schedule: schedules[planned.schedule],
    warmupSteps: planned.warmupSteps,
    reference: references[planned.reference],
    keepReferenceWeights,
    heldOutPairs: planned.heldOut ?? [],
  };
}
