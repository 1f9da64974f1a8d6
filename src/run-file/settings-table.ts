import { runJsonSchema } from "./json-schema.js";
import { type JsonSchema, trainingJsonSchema } from "./training-schema.js";
import { valueWords } from "./value-words.js";

/** The reference of `run.yaml` in Markdown: a table of every field with its values, default and meaning. */
export function settingsTable(): string {
  const rows = fieldRows(runJsonSchema(), "", true);
  return ["| field | value | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

/** Who decides about the options of training that `training` does not take, in Markdown. */
export function elsewhereTable(): string {
  const names = new Map<string, string[]>();
  for (const [name, { not, description = "" }] of Object.entries(trainingJsonSchema.properties)) {
    if (not !== undefined) names.set(description, [...(names.get(description) ?? []), `\`${name}\``]);
  }
  const rows = [...names].map(([description, options]) => `| ${options.join(", ")} | ${description} |`);
  return ["| option | in its place |", "|---|---|", ...rows].join("\n");
}

function fieldRows(schema: JsonSchema, path: string, isHead = false): string[] {
  const { properties = {}, required = [], items } = schema;
  if (isHead || Object.keys(properties).length > 0) {
    return Object.entries(properties).flatMap(([name, field]) => {
      if (field.not !== undefined) return [];
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
  if (alternatives(schema).length > 0 && isMapping(alternatives(schema)[0])) return "one of the following";
  if (schema.type === "boolean") return "`true`, `false`";
  if (schema.type === "object" && schema.properties !== undefined) return "fields";
  return valueWords(schema, (value) => `\`${value}\``);
}

function isMapping(schema: JsonSchema | undefined): boolean {
  return schema?.type === "object";
}
