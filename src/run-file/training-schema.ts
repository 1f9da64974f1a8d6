import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { PACKAGE_ROOT } from "../package-root.js";
import { type JsonValue, SAID_BY_PLANS } from "../run/plan.js";

/** A JSON Schema, as far as ours uses it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: string | number | boolean;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  /** `{}`: the field is told elsewhere, and its description says where. */
  readonly not?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  /** `path-folder` marks what names a folder. */
  readonly format?: string;
  /** The values that a client of a service may give; left out: all. */
  readonly "x-clients"?: readonly unknown[];
  /** Other names of values, with the names that count. */
  readonly "x-other-names"?: Readonly<Record<string, string>>;
}

/** What a stage can have otherwise than the stage before. */
export interface StageTraining {
  learning_rate: number;
  lr_scheduler_type: "constant" | "constant_with_warmup" | "linear" | "cosine";
  /** Optimiser steps; below 1 a share of them. */
  warmup_steps: number;
  loss_type: string | readonly string[];
  loss_weights?: readonly number[] | null;
  /** By name; or by the loss's name first. */
  loss_parameters?: Readonly<Record<string, number | Readonly<Record<string, number>>>> | null;
  beta?: number;
}

/** `training` of a run: what TypeScript decides by, and whatever else is carried to the trainer as it is. */
export interface TrainingSettings extends StageTraining {
  per_device_train_batch_size: number;
  gradient_accumulation_steps: number;
  seed: number;
  readonly [name: string]: JsonValue | undefined;
}

/** `training` as it is written. */
export type TrainingInput = Partial<TrainingSettings>;

/** Settings that `stages` may change. */
export const OF_STAGES = [
  "learning_rate",
  "lr_scheduler_type",
  "warmup_steps",
  "loss_type",
  "loss_weights",
  "loss_parameters",
  "beta",
] as const;

/** The schema that Python exports, as `schemas/training.schema.json` holds it. */
export const trainingJsonSchema = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, "schemas", "training.schema.json"), "utf8"),
) as JsonSchema & { readonly properties: Readonly<Record<string, JsonSchema>> };

/** Names that only the installed versions may know are left to Python. */
export const trainingSettings = z.fromJSONSchema({
  ...trainingJsonSchema,
  properties: Object.fromEntries(
    Object.entries(trainingJsonSchema.properties).map(([name, schema]) => [
      name,
      (SAID_BY_PLANS as readonly string[]).includes(name) ? schema : withoutDefault(schema),
    ]),
  ),
} as Parameters<typeof z.fromJSONSchema>[0]) as z.ZodType<TrainingSettings, TrainingInput>;

/** The fields of a stage that are settings of the training. */
export const stageTraining = Object.fromEntries(
  OF_STAGES.map((name) => [name, z.fromJSONSchema(stageSchema(name) as never).optional()]),
) as unknown as { [Name in keyof StageTraining]-?: z.ZodOptional<z.ZodType<Given<Name>, Given<Name>>> };

type Given<Name extends keyof StageTraining> = Exclude<StageTraining[Name], undefined>;

/** The schema of a setting in a stage, where what is left out is inherited. */
export function stageSchema(name: (typeof OF_STAGES)[number]): JsonSchema {
  return withoutDefault(trainingJsonSchema.properties[name] as JsonSchema);
}

function withoutDefault(schema: JsonSchema): JsonSchema {
  const { default: _, ...others } = schema;
  return others;
}

const OTHER_LOSS_NAMES = trainingJsonSchema.properties["loss_type"]?.["x-other-names"] ?? {};

/** The losses that `loss_type` names, each by the name that counts. */
export function lossNames(lossType: string | readonly string[]): string[] {
  const names = typeof lossType === "string" ? [lossType] : lossType;
  return names.map((name) => (Object.hasOwn(OTHER_LOSS_NAMES, name) ? (OTHER_LOSS_NAMES[name] as string) : name));
}

/** What is left to the trainer. */
export function carried(training: TrainingSettings): Record<string, JsonValue> {
  const rest = Object.entries(training).flatMap(([name, value]): [string, JsonValue][] =>
    value === undefined || (SAID_BY_PLANS as readonly string[]).includes(name) ? [] : [[name, value]],
  );
  return Object.fromEntries(rest);
}
