import { z } from "zod";
import type { FieldPath } from "./position.js";
import { runSettingsSchema } from "./schema.js";
import { type JsonSchema, OF_STAGES, stageSchema, trainingJsonSchema } from "./training-schema.js";

let made: JsonSchema | undefined;

/** The JSON Schema of `run.yaml` (draft 2020-12), for editors; `schemas/run.schema.json` is a copy. */
export function runJsonSchema(): JsonSchema {
  made ??= withTraining(z.toJSONSchema(runSettingsSchema, { io: "input" }) as JsonSchema);
  return made;
}

/** The schema with what Python exports of `training`, as it stands there. */
function withTraining(schema: JsonSchema): JsonSchema {
  const { $schema: _, ...training } = trainingJsonSchema as JsonSchema & { $schema?: string };
  const { properties = {} } = schema;
  const { stages, training: written } = properties;
  const changes = Object.fromEntries(OF_STAGES.map((name) => [name, stageSchema(name)]));
  const items = { ...stages?.items, properties: { ...stages?.items?.properties, ...changes } };
  const ours = { training: { ...training, default: written?.default }, stages: { ...stages, items } };
  return { title: "run.yaml of scpo", ...schema, properties: { ...properties, ...ours } } as JsonSchema;
}

/** The schema as `schemas/run.schema.json` holds it. */
export function runSchemaText(): string {
  return `${JSON.stringify(runJsonSchema(), null, 2)}\n`;
}

/**
 * The part of the schema that a field of some settings belongs to; undefined where the schema knows no such field.
 *
 * @param settings - Their discriminating fields choose between alternatives.
 */
export function schemaAt(path: FieldPath, settings: unknown): JsonSchema | undefined {
  let schema: JsonSchema | undefined = runJsonSchema();
  let value: unknown = settings;
  for (const part of path) {
    schema = typeof part === "number" ? schema.items : fieldOf(alternative(schema, value), String(part));
    if (schema === undefined) return undefined;
    value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  }
  return alternative(schema, value);
}

function fieldOf(schema: JsonSchema | undefined, name: string): JsonSchema | undefined {
  const { properties, additionalProperties } = schema ?? {};
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** Of several alternatives the one whose constants are those of the value. */
function alternative(schema: JsonSchema, value: unknown): JsonSchema | undefined {
  if (schema.oneOf === undefined) return schema;
  const fields = (value ?? schema.default) as Record<string, unknown> | undefined;
  const fitting = schema.oneOf.find(({ properties = {} }) =>
    Object.entries(properties).every(
      ([name, { const: constant }]) => constant === undefined || fields?.[name] === constant,
    ),
  );
  const { description } = schema;
  return fitting === undefined || description === undefined ? fitting : { ...fitting, description };
}
