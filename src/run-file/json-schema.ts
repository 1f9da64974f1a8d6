import { z } from "zod";
import type { FieldPath } from "./position.js";
import { runSettingsSchema } from "./schema.js";

/** A JSON Schema, as far as ours uses it. */
export interface JsonSchema {
  readonly type?: string;
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
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

let made: JsonSchema | undefined;

/** The JSON Schema of `run.yaml` (draft 2020-12), for editors; `schemas/run.schema.json` is a copy. */
export function runJsonSchema(): JsonSchema {
  made ??= { title: "run.yaml of scpo", ...z.toJSONSchema(runSettingsSchema, { io: "input" }) } as JsonSchema;
  return made;
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
    schema = typeof part === "number" ? schema.items : alternative(schema, value)?.properties?.[String(part)];
    if (schema === undefined) return undefined;
    value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  }
  return alternative(schema, value);
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
