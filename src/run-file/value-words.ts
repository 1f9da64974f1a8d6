import type { JsonSchema } from "./training-schema.js";

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  object: "names with values",
  null: "none",
};

/**
 * What values a field takes, in words.
 *
 * @param code - How a value that is written as it stands is shown.
 */
export function valueWords(schema: JsonSchema, code = (value: string) => value): string {
  const { type, enum: choices, const: constant } = schema;
  if (constant !== undefined) return code(String(constant));
  if (choices !== undefined)
    return choices.map((choice) => code(choice === null ? "none" : String(choice as string))).join(", ");
  const alternatives = schema.oneOf ?? schema.anyOf ?? [];
  if (alternatives.length > 0) return alternatives.map((one) => valueWords(one, code)).join(" or ");
  if (typeof type !== "string")
    return (type ?? []).map((one) => valueWords({ ...schema, type: one }, code)).join(" or ");
  if (type === "array") return listWords(schema.items);
  if (type === "number" || type === "integer") return numberWords(schema);
  return TYPES[type] ?? type;
}

function listWords(items: JsonSchema | undefined): string {
  if (items?.type === "string") return "list of texts";
  return items?.type === "number" || items?.type === "integer" ? "list of numbers" : "list";
}

function numberWords({ type, minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const low =
    exclusiveMinimum !== undefined ? ` above ${exclusiveMinimum}` : minimum !== undefined ? ` from ${minimum}` : "";
  // Counts travel as 32 bits, which nobody has to read of.
  const high = maximum !== undefined && maximum < 0xffffffff ? ` to ${maximum}` : "";
  return `${type === "integer" ? "whole number" : "number"}${low}${high}`;
}
