/** One stage of a run: which pairs, how they are learnt, against which reference. */
export interface StagePlan {
  /** For people: "easy". */
  name: string;
  /**
   * Rows in feeding order, their number a multiple of batch size times accumulation steps; with `steps`, the rows that
   * the curriculum may draw, each once.
   */
  pairs: number[];
  /** Optimiser steps of a stage whose rows the curriculum's `next` chooses step by step; left out: `pairs` decides. */
  steps?: number;
  /** Rows that are never fed in this stage, for `evaluateHeldOut`; left out: none. */
  heldOut?: number[];
  /** Peak of the schedule. */
  learningRate: number;
  schedule: "constant" | "linear" | "cosine";
  /** Optimiser steps of linear warm-up. */
  warmupSteps: number;
  /** The reference with which the stage opens. */
  reference: "policy" | "keep" | "initial";
  /** What a step minimises: the weighted sum of these, each named once. */
  losses: WeightedLoss[];
}

/** A registered loss; a parameter left out takes the loss's default, a weight left out is 1. */
export interface WeightedLoss {
  name: string;
  weight?: number;
  parameters: Record<string, number>;
}

/** A value of JSON. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Settings of a training that other fields of a plan say: TypeScript decides by them. */
export const SAID_BY_PLANS = [
  "learning_rate",
  "lr_scheduler_type",
  "warmup_steps",
  "loss_type",
  "loss_weights",
  "loss_parameters",
  "per_device_train_batch_size",
  "gradient_accumulation_steps",
  "seed",
] as const;

/** Stands for the model and the rows that a training brings along which dials its director. */
export const OFFERED = "offered";

/** Everything that determines a run: the same plan gives the same weights. */
export interface RunPlan {
  name: string;
  /** Folder of the run's files; it holds no other run. */
  directory: string;
  /** Folder of the model to start from, `owner/name` on the Hugging Face hub, or `OFFERED`. */
  model: string;
  /** Parquet file of contrast quadruples, or `OFFERED`, and its lower-case hex SHA-256. */
  dataset: { path: string; sha256: string };
  seed: number;
  /** Pairs per forward and backward pass, over all processes. */
  batchSize: number;
  gradientAccumulationSteps: number;
  /**
   * How the model is loaded and trained, under the names of `SCPOConfig` and of TRL's `ModelConfig`; the trainer is told
   * it as it is. It holds nothing that another field says.
   */
  training: Readonly<Record<string, JsonValue>>;
  stages: StagePlan[];
}

/** A plan as the log holds it: without the place of the log itself. */
export type RecordedPlan = Omit<RunPlan, "directory">;

/** The plan without its directory. */
export function recordedPlan(plan: RunPlan): RecordedPlan {
  const recorded: RecordedPlan & { directory?: string } = { ...plan };
  delete recorded.directory;
  return recorded;
}

/** Pairs per optimiser step. */
export function effectiveBatch(plan: Pick<RunPlan, "batchSize" | "gradientAccumulationSteps">): number {
  return plan.batchSize * plan.gradientAccumulationSteps;
}

/** Optimiser steps that the plan gives a stage. */
export function plannedSteps(
  plan: Pick<RunPlan, "batchSize" | "gradientAccumulationSteps">,
  stage: Pick<StagePlan, "pairs" | "steps">,
): number {
  return stage.steps ?? stage.pairs.length / effectiveBatch(plan);
}
