import type { z } from "zod";
import { UserError, type ErrorCode } from "../errors.js";
import { schemaAt } from "./json-schema.js";
import { fieldName, type FieldPath, type Position } from "./position.js";

/** A mistake in settings, where it was made. */
export interface SettingsProblem {
  /** The field, such as `stages[0].optimiser.learning_rate`; empty for the settings as a whole. */
  readonly field: string;
  /** What was found, what was expected. */
  readonly description: string;
  /** Where in the file it stands; absent for settings that come from no file. */
  readonly position?: Position;
}

/** Mistakes in the settings of a run: all of them at once. */
export class SettingsError extends UserError {
  override readonly name = "SettingsError";
  override readonly code: ErrorCode = "SCPO_SETTINGS";
  /** Every mistake, in the order of the file. */
  readonly problems: readonly SettingsProblem[];

  /**
   * @param origin - The file, or what else the settings are.
   * @param problems - At least one.
   */
  constructor(origin: string, problems: readonly SettingsProblem[]) {
    const lines = problems.map((problem) => problemLine(origin, problem));
    super(lines.length === 1 ? lines.join() : `${origin}: ${lines.length} mistakes\n  ${lines.join("\n  ")}`);
    this.problems = problems;
  }
}

function problemLine(origin: string, { field, description, position }: SettingsProblem): string {
  const where = position === undefined ? origin : `${origin}:${position.line}:${position.column}`;
  return `${where}: ${field === "" ? "" : `${field}: `}${description}`;
}

/** A mistake with the path of its field. */
export interface LocatedProblem {
  readonly path: FieldPath;
  /** It is the field's name that is wrong, not its value. */
  readonly isName: boolean;
  readonly description: string;
}

/** Says in words what a check of the schema found; an issue about several names becomes several mistakes. */
export function problemsOf(issue: z.core.$ZodIssue, settings: unknown): LocatedProblem[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(schemaAt(path, settings)?.properties ?? {}).join(", ");
    const here = path.length === 0 ? "run.yaml" : fieldName(path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      isName: true,
      description: `there is no such field, expected of ${here}: ${known}`,
    }));
  }
  const value = valueAt(settings, path);
  if (value === undefined) {
    const meaning = schemaAt(path, settings)?.description;
    const hint = meaning === undefined ? "" : ` (${meaning.replace(/\.$/, "")})`;
    return [{ path, isName: false, description: `is missing, expected ${expected(issue)}${hint}` }];
  }
  // Checks across fields say what they expect in their own words.
  const wanted = issue.message.includes("expected ") && issue.code === "custom" ? issue.message : undefined;
  const description = wanted ?? `expected ${expected(issue)}`;
  return [{ path, isName: false, description: `found ${shown(value)}, ${description}` }];
}

const TYPES: Readonly<Record<string, string>> = {
  object: "a mapping of fields",
  record: "a mapping of names to numbers",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

function expected(issue: z.core.$ZodIssue): string {
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

function valueAt(settings: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | null)?.[part], settings);
}

/** A value in a message: short, in one line. */
function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
