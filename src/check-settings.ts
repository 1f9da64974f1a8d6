import type { z } from "zod";
import { UserError } from "./errors.js";

/**
 * Checks settings and fills in what was left out.
 *
 * @param schema - What is expected.
 * @param value - What was given.
 * @param at - Path of the settings themselves, such as `curriculum`.
 * @throws UserError that names every mistake by its field, in one line.
 */
export function checkSettings<Schema extends z.ZodType>(schema: Schema, value: unknown, at: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(parsed.error.issues.flatMap((issue) => problems(issue, value, at)).join("; "));
}

function problems(issue: z.core.$ZodIssue, value: unknown, at: string): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${fieldPath(at, [...issue.path, key])}: there is no such field`);
  }
  const found = valueAt(value, issue.path);
  return [`${fieldPath(at, issue.path)}: found ${shown(found)}, expected ${expectation(issue)}`];
}

const TYPES: Readonly<Record<string, string>> = {
  object: "a mapping of fields",
  record: "a mapping of names to values",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** What an issue of a schema wanted, in words. */
export function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return TYPES[issue.expected] ?? issue.expected;
  if (issue.code === "too_small") {
    if (issue.origin === "string") return "a text that is not empty";
    if (issue.origin === "array") return `a list of at least ${issue.minimum}`;
    return issue.inclusive === false ? `a number above ${issue.minimum}` : `a number of at least ${issue.minimum}`;
  }
  if (issue.code === "too_big") {
    return issue.inclusive === false ? `a number below ${issue.maximum}` : `a number of at most ${issue.maximum}`;
  }
  if (issue.code === "invalid_value") return choice(issue.values);
  if (issue.code === "invalid_union" && "options" in issue && issue.options !== undefined) return choice(issue.options);
  return issue.message.replace(/^expected /, "");
}

function choice(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function fieldPath(at: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (field, part) => (typeof part === "number" ? `${field}[${part}]` : `${field}.${String(part)}`),
    at,
  );
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, part) => (inner as Record<PropertyKey, unknown> | null)?.[part], value);
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}
