import { realpathSync } from "node:fs";
import { dirname, isAbsolute, resolve, sep } from "node:path";
import type { FieldPath } from "../run-file/position.js";
import { fieldName } from "../run-file/position.js";
import { pathFields, setField } from "../run-file/paths.js";
import { SettingsError } from "../run-file/problems.js";
import { requireEvaluation } from "../run-file/evaluation-problems.js";
import { checkRunSettings } from "../run-file/read.js";
import type { RunSettings } from "../run-file/schema.js";
import { invalid, type FieldViolation } from "./faults.js";

/** Fields that are the operator's, since they choose programs to run or places to reach. */
const operatorsFields = ["backend"];

/**
 * Checks a client's settings and what the evaluation needs: all mistakes at once, and no path outside the data roots.
 *
 * @param given What the client sent; left as it is.
 * @param roots Folders, with symbolic links resolved, that paths must lie under; relative paths start from the first.
 * @param id Name of the run.
 * @returns Settings with absolute paths.
 * @throws RichServerError INVALID_ARGUMENT with the path of every wrong field.
 */
export async function guardSettings(given: unknown, roots: readonly string[], id: string): Promise<RunSettings> {
  if (given === undefined || given === null || Object.keys(given).length === 0) {
    throw invalid({ field: "settings", description: "is missing, expected the fields of run.yaml" });
  }
  const settings = structuredClone(given) as RunSettings & { id?: string };
  const violations: FieldViolation[] = [];
  for (const name of operatorsFields) {
    if (Object.hasOwn(settings, name)) {
      delete (settings as Record<string, unknown>)[name];
      violations.push({ field: `settings.${name}`, description: "is the operator's to choose; leave it out" });
    }
  }
  if (settings.id !== undefined && settings.id !== id) {
    violations.push({ field: "settings.id", description: "does not match the run; leave it out and give run_id" });
  }
  for (const { path, value } of pathFields(settings)) {
    const absolute = resolve(roots[0] as string, value);
    if (roots.some((root) => isInside(real(absolute), root))) setField(settings, path, absolute);
    else violations.push(outside(path, value, roots));
  }
  if (violations.length === 0) violations.push(...(await problems(settings, id)));
  if (violations.length > 0) throw invalid(...violations);
  return settings;
}

function outside(path: FieldPath, value: string, roots: readonly string[]): FieldViolation {
  const kind = isAbsolute(value) ? "lies" : "leads";
  return {
    field: `settings.${fieldName(path)}`,
    description: `${kind} outside the service's data roots, expected a path below ${roots.join(" or ")}`,
  };
}

async function problems(settings: RunSettings, id: string): Promise<FieldViolation[]> {
  try {
    await requireEvaluation(checkRunSettings(settings, id));
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(({ field, description }) => ({
      field: field === "" ? "settings" : `settings.${field}`,
      description,
    }));
  }
}

/** The path with its symbolic links resolved, as far as it exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : resolve(real(parent), path.slice(parent.length + (parent === sep ? 0 : 1)));
  }
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root === sep ? sep : root + sep);
}
