import type { z } from "zod";
import { expectation } from "../check-settings.js";
import { UserError, type ErrorCode } from "../errors.js";
import { schemaAt } from "./json-schema.js";
import { fieldName, type FieldPath, type Position } from "./position.js";
import { valueWords } from "./value-words.js";

/** A mistake in settings, where it was made. */
export interface SettingsProblem {
  /** The field, such as `stages[0].learning_rate`; empty for the settings as a whole. */
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
  const branch = issue.code === "invalid_union" ? fittingBranch(issue) : undefined;
  if (branch !== undefined) {
    return branch.flatMap((inner) => problemsOf({ ...inner, path: [...path, ...inner.path] }, settings));
  }
  const schema = schemaAt(path, settings);
  if (schema?.not !== undefined) {
    return [{ path, isName: true, description: `is not set here: ${schema.description ?? ""}` }];
  }
  const value = valueAt(settings, path);
  if (value === undefined) {
    const meaning = schema?.description;
    const hint = meaning === undefined ? "" : ` (${meaning.replace(/\.$/, "")})`;
    return [{ path, isName: false, description: `is missing, expected ${expectation(issue)}${hint}` }];
  }
  // Checks across fields say what they expect in their own words.
  const wanted = issue.message.includes("expected ") && issue.code === "custom" ? issue.message : undefined;
  const isUnion = issue.code === "invalid_union" && !("options" in issue) && schema !== undefined;
  const description = wanted ?? `expected ${isUnion ? valueWords(schema) : expectation(issue)}`;
  return [{ path, isName: false, description: `found ${shown(value)}, ${description}` }];
}

/** What is wrong inside the one alternative that has the value's kind. */
function fittingBranch(issue: Extract<z.core.$ZodIssue, { code: "invalid_union" }>): z.core.$ZodIssue[] | undefined {
  return issue.errors.find((inner) => inner.length > 0 && inner.every(({ path }) => path.length > 0));
}

function valueAt(settings: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | null)?.[part], settings);
}

/** A value in a message: short, in one line. */
function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  // As YAML writes what JSON has no word for.
  if (Number.isNaN(value)) return ".nan";
  if (value === Infinity || value === -Infinity) return value > 0 ? ".inf" : "-.inf";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
