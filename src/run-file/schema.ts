import { z } from "zod";
import { ASKING } from "../evaluation/benchmark.js";
import { BENCHMARKS } from "../evaluation/registry.js";
import { backendSettings } from "../backend/settings.js";
import { curriculumSettings } from "../curriculum/registry.js";
import { LEARNING_RATE, RUN_ID, SHA256 } from "../generated/rules.js";
import { referenceSettings } from "../reference/registry.js";
import { PRECISIONS } from "../run/plan.js";

/** The model that ships with the package, as `model` names it. */
export const EMBEDDED_MODEL = "embedded";

const LARGEST_UINT32 = 0xffffffff;
/** Timers count milliseconds in 31 bits. */
const LONGEST_SILENCE_MINUTES = 35_000;

const count = () => z.int().min(1).max(LARGEST_UINT32);
const share = () => z.number().min(0).max(1);
const path = () => z.string().min(1);

/** Benchmarks whose questions are in their files and whose answers no judge has to score; scenes have a field of their own. */
const SCORED_HERE = BENCHMARKS.filter(
  (benchmark) =>
    "prompts" in benchmark && "answerRow" in benchmark && !benchmark.judged && benchmark.imageColumn === undefined,
).map(({ name }) => name);

const schedule = () => z.enum(["constant", "linear", "cosine"]);

/** The loss of a run that names none. */
export const DEFAULT_LOSS = "scpo";

const objective = z.strictObject({
  loss: z.string().min(1).default(DEFAULT_LOSS).describe("Name of a loss of docs/objectives.md."),
  parameters: z
    .record(z.string(), z.number())
    .default({})
    .describe("Parameters of the loss by name; one left out takes the loss's own default, a switch is 0 or 1."),
});

const optimiser = z.strictObject({
  learning_rate: z.number().gt(LEARNING_RATE.above).describe("Peak of the learning rate in each stage."),
  schedule: schedule()
    .default("cosine")
    .describe("How the learning rate goes from its peak over a stage's steps; linear and cosine end at 0."),
  warmup_share: share()
    .default(0.1)
    .describe("Share of a stage's optimiser steps in which the learning rate rises from 0, 0 to 1."),
  weight_decay: z.number().min(0).default(0).describe("Weight decay of AdamW."),
  max_grad_norm: z.number().positive().default(1).describe("Gradients with a larger norm are scaled down to it."),
  batch_size: count().default(8).describe("Pairs per forward and backward pass, over all processes."),
  gradient_accumulation_steps: count().default(1).describe("Passes per optimiser step."),
  frozen_prefixes: z
    .array(z.string().min(1))
    .default([])
    .describe("Parameters whose names start with one of these stay as they are."),
});

const stage = z.strictObject({
  name: z.string().min(1).optional().describe("For people; left out: the curriculum's name for the stage."),
  objective: z
    .strictObject({
      loss: z
        .string()
        .min(1)
        .optional()
        .describe("Another loss than in the stage before; its parameters start at their defaults."),
      parameters: z
        .record(z.string(), z.number())
        .optional()
        .describe("Parameters that change; the others stay as in the stage before while the loss does."),
    })
    .optional()
    .describe("What changes in the objective from this stage on."),
  optimiser: z
    .strictObject({
      learning_rate: z
        .number()
        .gt(LEARNING_RATE.above)
        .optional()
        .describe("Peak of the learning rate from this stage on."),
      schedule: schedule().optional().describe("Schedule of the learning rate from this stage on."),
      warmup_share: share().optional().describe("Share of warm-up steps from this stage on, 0 to 1."),
    })
    .optional()
    .describe("What changes in the optimiser from this stage on."),
  reference: z
    .enum(["policy", "keep", "initial"])
    .optional()
    .describe(
      "The reference with which this stage opens (the policy, the one before, the initial model); left out: as the " +
        "reference policy says. Not inherited.",
    ),
});

const curriculum = curriculumSettings.prefault({ policy: "staged" }).describe("Which pairs come when.");

const reference = referenceSettings.prefault({ policy: "each-stage" }).describe("When and how the reference moves.");

const benchmark = z.strictObject({
  benchmark: z.enum(SCORED_HERE).describe("Name of the benchmark; `scpo eval benchmarks` describes them."),
  annotations: path().describe("Folder of the benchmark's files, as its repository holds them."),
  images: path().describe("Folder of the benchmark's images."),
  mode: z
    .enum(["strict", "fixed"])
    .optional()
    .describe("Score as the official script does, or with its defects mended; left out: as the benchmark prefers."),
  max_new_tokens: count().default(ASKING.maxNewTokens).describe("Longest answer, in tokens."),
  batch_size: count().default(ASKING.batchSize).describe("Questions a batch."),
  sample: count().optional().describe("Number of images to ask about; left out: all."),
});

const evaluation = z
  .strictObject({
    when: z.enum(["end", "each-stage"]).default("end").describe("Score the last model alone, or that of every stage."),
    scenes: path().optional().describe("Parquet file of drawn evaluation scenes; left out: none."),
    benchmarks: z.array(benchmark).default([]).describe("Benchmarks to answer and score."),
  })
  .prefault({})
  .describe("What is scored after training.");

/** What `run.yaml` may say; every field has a sentence, from which docs and editors' hints are made. */
export const runSettingsSchema = z
  .strictObject({
    id: z
      .string()
      .regex(RUN_ID.pattern, RUN_ID.expected)
      .optional()
      .describe("Name of the run and of its folder; left out: the file's name without its ending."),
    seed: z.int().min(0).max(LARGEST_UINT32).default(1).describe("Seed of the order of pairs and of dropout."),
    model: path().describe(`Folder of the model to start from; \`${EMBEDDED_MODEL}\` is the one that ships.`),
    precision: z
      .enum(["auto", ...PRECISIONS])
      .default("auto")
      .describe(
        "What the passes compute in, on weights of float32: `bf16` and `fp16` (CUDA alone) are mixed precision; `auto` is " +
          "`bf16` for a model stored in 16 bits, else `float32`. Models are saved in float32.",
      ),
    data: z
      .strictObject({
        pairs: path().describe("Parquet file of contrast pairs; see docs/pairs.md for its columns."),
        sha256: z
          .string()
          .regex(SHA256.pattern, SHA256.expected)
          .optional()
          .describe("SHA-256 of the pairs' file; a run whose file has another is refused. Left out: computed."),
      })
      .describe("What is learnt from."),
    objective: objective.prefault({}).describe("What a step minimises in the first stage."),
    optimiser: optimiser.describe("How a step is taken; rates and schedule hold for the first stage."),
    curriculum,
    stages: z
      .array(stage)
      .default([])
      .describe(
        "What changes from stage to stage, by position; a stage inherits what it leaves out from the one before.",
      ),
    reference,
    checkpoints: z
      .strictObject({
        every_steps: count().default(100).describe("Optimiser steps between two checkpoints to resume from."),
        keep: count().default(2).describe("How many of them are kept; the models of stages all are."),
      })
      .prefault({})
      .describe("What a crash costs at most."),
    restarts: z
      .strictObject({
        limit: z
          .int()
          .min(0)
          .max(LARGEST_UINT32)
          .default(3)
          .describe("How often a trainer that died is started again."),
        first_delay_seconds: z
          .number()
          .min(0)
          .default(5)
          .describe("Seconds before the first restart; doubled each time."),
        silence_minutes: z
          .number()
          .positive()
          .max(LONGEST_SILENCE_MINUTES)
          .default(30)
          .describe(
            "Minutes without a report or an answer after which a trainer that still lives counts as hung: dead.",
          ),
      })
      .prefault({})
      .describe("What happens when the trainer dies or hangs."),
    backend: backendSettings.prefault({ kind: "embedded" }).describe("How the Python trainer is obtained."),
    evaluation,
    reporting: z
      .strictObject({
        page: z.boolean().default(true).describe("Whether report.html is written at the end."),
        telemetry: z
          .boolean()
          .default(true)
          .describe("Whether records of every pair at every step are kept; the page's curves are made of them."),
      })
      .prefault({})
      .describe("What is left for people to look at."),
  })
  .describe("A training run of SCPO.");

/** What a run is told: the content of `run.yaml`, or the same object from TypeScript. */
export type RunSettings = z.input<typeof runSettingsSchema>;

/** Settings with every default filled in. */
export type CheckedRunSettings = z.output<typeof runSettingsSchema>;
