import { type JsonSchema, runJsonSchema } from "./json-schema.js";

/** The reference of `run.yaml` in Markdown: a table of every field with its values, default and meaning. */
export function settingsTable(): string {
  const rows = fieldRows(runJsonSchema(), "", true);
  return ["| field | value | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function fieldRows(schema: JsonSchema, path: string, isHead = false): string[] {
  const { properties = {}, required = [], items } = schema;
  if (isHead || Object.keys(properties).length > 0) {
    return Object.entries(properties).flatMap(([name, field]) => {
      const at = path === "" ? name : `${path}.${name}`;
      return [row(at, field, required.includes(name)), ...fieldRows(field, at)];
    });
  }
  if (items !== undefined) return fieldRows(items, `${path}[]`);
  return alternatives(schema).flatMap((alternative) => alternativeRows(alternative, path));
}

/** Fields of one of several alternatives; its constant names it. */
function alternativeRows(schema: JsonSchema, path: string): string[] {
  const { properties = {}, required = [] } = schema;
  const constants = Object.entries(properties).filter(([, { const: constant }]) => constant !== undefined);
  const which = constants.map(([name, { const: constant }]) => `${name}: ${String(constant)}`).join(", ");
  return [
    ...constants.map(([name, field]) => row(`${path}.${name}`, field, true)),
    ...Object.entries(properties)
      .filter(([, { const: constant }]) => constant === undefined)
      .flatMap(([name, field]) => {
        const at = which === "" ? `${path}.${name}` : `${path}.${name} (${which})`;
        return [row(at, field, required.includes(name)), ...fieldRows(field, `${path}.${name}`)];
      }),
  ];
}

function alternatives({ oneOf, anyOf }: JsonSchema): readonly JsonSchema[] {
  return oneOf ?? anyOf ?? [];
}

function row(field: string, schema: JsonSchema, isRequired: boolean): string {
  const cells = [`\`${field}\``, valueText(schema), defaultText(schema, isRequired), schema.description ?? ""];
  return `| ${cells.map((text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}

function defaultText({ default: value, properties, oneOf }: JsonSchema, isRequired: boolean): string {
  if (properties !== undefined && Object.keys(properties).length > 0) return isRequired ? "required" : "";
  if (value !== undefined) {
    if (oneOf !== undefined)
      return Object.values(value as object)
        .map((name) => `\`${String(name)}\``)
        .join(" ");
    return `\`${JSON.stringify(value).replaceAll('"', "")}\``;
  }
  return isRequired ? "required" : "none";
}

function valueText(schema: JsonSchema): string {
  const { type, enum: choices, const: constant, minimum, maximum, exclusiveMinimum } = schema;
  if (constant !== undefined) return `\`${String(constant)}\``;
  if (choices !== undefined) return choices.map((choice) => `\`${String(choice)}\``).join(", ");
  if (alternatives(schema).length > 0) return "one of the following";
  if (type === "array") return schema.items?.type === "string" ? "list of texts" : "list";
  if (type === "object") return schema.properties === undefined ? "names with numbers" : "fields";
  if (type === "boolean") return "`true`, `false`";
  if (type === "string") return "text";
  const number = type === "integer" ? "whole number" : "number";
  const low =
    exclusiveMinimum !== undefined ? ` above ${exclusiveMinimum}` : minimum !== undefined ? ` from ${minimum}` : "";
  // Counts travel as 32 bits, which nobody has to read of.
  const high = maximum !== undefined && maximum < 0xffffffff ? ` to ${maximum}` : "";
  return `${number}${low}${high}`;
}
