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
  /** A registered loss and its parameters; a parameter left out takes the loss's default. */
  objective: { loss: string; parameters: Record<string, number> };
}

/** What the passes of a training compute in; `bf16` and `fp16` are mixed precision. */
export const PRECISIONS = ["float32", "bf16", "fp16"] as const;

/** One of `PRECISIONS`. */
export type Precision = (typeof PRECISIONS)[number];

/** Everything that determines a run: the same plan gives the same weights. */
export interface RunPlan {
  name: string;
  /** Folder of the run's files; it holds no other run. */
  directory: string;
  /** Folder of the model to start from. */
  model: string;
  /** Parquet file of contrast quadruples and its lower-case hex SHA-256. */
  dataset: { path: string; sha256: string };
  seed: number;
  /** Pairs per forward and backward pass. */
  batchSize: number;
  gradientAccumulationSteps: number;
  weightDecay: number;
  maxGradNorm: number;
  /** Parameters whose names start with one of these stay frozen. */
  frozenPrefixes: string[];
  /** What the passes compute in, on weights of float32; left out: as the model was stored. */
  precision?: Precision;
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
