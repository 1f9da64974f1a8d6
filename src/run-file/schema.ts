import { z } from "zod";
import { ASKING } from "../evaluation/benchmark.js";
import { BENCHMARKS } from "../evaluation/registry.js";
import { backendSettings } from "../backend/settings.js";
import { curriculumSettings } from "../curriculum/registry.js";
import { RUN_ID, SHA256 } from "../generated/rules.js";
import { referenceSettings } from "../reference/registry.js";
import { stageTraining, trainingSettings } from "./training-schema.js";

/** The model that ships with the package, as `model` names it. */
export const EMBEDDED_MODEL = "embedded";

const LARGEST_UINT32 = 0xffffffff;
/** Timers count milliseconds in 31 bits. */
const LONGEST_SILENCE_MINUTES = 35_000;

const count = () => z.int().min(1).max(LARGEST_UINT32);
const path = () => z.string().min(1);

/** Benchmarks whose questions are in their files and whose answers no judge has to score; scenes have a field of their own. */
const SCORED_HERE = BENCHMARKS.filter(
  (benchmark) =>
    "prompts" in benchmark && "answerRow" in benchmark && !benchmark.judged && benchmark.imageColumn === undefined,
).map(({ name }) => name);

const stage = z.strictObject({
  name: z.string().min(1).optional().describe("For people; left out: the curriculum's name for the stage."),
  ...stageTraining,
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
    model: path().describe(
      "Folder of the model to start from, or its name on the Hugging Face hub, `owner/name` or `owner/name@revision`; " +
        `\`${EMBEDDED_MODEL}\` is the one that ships.`,
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
    recipe: path()
      .optional()
      .describe(
        "YAML file of settings for `training`, such as those in recipes; what `training` says itself counts instead.",
      ),
    training: trainingSettings.prefault({}).describe("How the model is loaded and trained."),
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

/** The same of a run whose training somebody else starts: it brings model and pairs along. */
export type DirectedRunSettings = Omit<RunSettings, "model" | "data" | "backend"> & Partial<RunSettings>;

/** Settings with every default filled in. */
export type CheckedRunSettings = z.output<typeof runSettingsSchema>;
