import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { UserError } from "../errors.js";
import { HUB_SCHEME, hubAddress, hubModel } from "../files/hub-model.js";
import { followedPath, pathProblem } from "../files/path-guard.js";
import { adapterBase } from "../run/model-roots.js";
import { pathFields, setField, type PathField } from "../run-file/paths.js";
import { fieldName } from "../run-file/position.js";
import { SettingsError } from "../run-file/problems.js";
import { type FindEvaluationProblems, requireEvaluation } from "../run-file/evaluation-problems.js";
import { checkRunSettings } from "../run-file/read.js";
import type { RunSettings } from "../run-file/schema.js";
import { invalid, type FieldViolation } from "./faults.js";
import type { ReadablePaths } from "./readable-paths.js";
import { sizeProblem } from "./settings-size.js";
import { operatorsSettings } from "./training-guard.js";

/** Fields that are the operator's, since they choose programs to run or places to reach. */
const operatorsFields = ["backend"];
const mostPaths = 200;

/** A run's settings are asked for by whom, and what may they read. */
export interface GuardOptions {
  readonly paths: ReadablePaths;
  readonly owner: string;
  /** Name of the run. */
  readonly runId: string;
  /** Whether clients' settings may have code run that comes with a model, and reach other services. */
  readonly remoteCode: boolean;
  /** Whether clients may name models on the Hugging Face hub, which are fetched. */
  readonly hub: boolean;
  /** How the files that the evaluation needs are looked at. */
  readonly findEvaluationProblems: FindEvaluationProblems;
}

/**
 * Checks a client's settings and what the evaluation needs: all mistakes at once, and no path outside what the client may read.
 *
 * @param given What the client sent; left as it is.
 * @returns Settings with absolute paths whose symbolic links are followed.
 * @throws RichServerError INVALID_ARGUMENT with the path of every wrong field.
 */
export async function guardSettings(given: unknown, options: GuardOptions): Promise<RunSettings> {
  if (given === undefined || given === null || Object.keys(given).length === 0) {
    throw invalid({ field: "settings", description: "is missing, expected the fields of run.yaml" });
  }
  const problem = sizeProblem(given);
  if (problem !== null) throw invalid(problem);
  const settings = structuredClone(given) as RunSettings & { id?: string };
  const violations: FieldViolation[] = [];
  for (const name of operatorsFields) {
    if (Object.hasOwn(settings, name)) {
      delete (settings as Record<string, unknown>)[name];
      violations.push({ field: `settings.${name}`, description: "is the operator's to choose; leave it out" });
    }
  }
  if (!options.remoteCode) violations.push(...operatorsSettings(settings.training));
  if (settings.id !== undefined && settings.id !== options.runId) {
    violations.push({ field: "settings.id", description: "does not match the run; leave it out and give run_id" });
  }
  violations.push(...(await guardPaths(settings, options)), ...hubViolations(settings.model, options.hub));
  if (violations.length === 0) violations.push(...(await problems(settings, options)));
  if (violations.length > 0) throw invalid(...violations);
  return settings;
}

/**
 * Makes sure, before a run begins, that its paths still lead where they led when it was created.
 *
 * @param settings As `guardSettings` gave them.
 * @throws UserError that names the field.
 */
export async function requireSamePaths(
  settings: unknown,
  { paths, owner }: Pick<GuardOptions, "paths" | "owner">,
): Promise<void> {
  for (const { path, value, kind } of pathFields(settings)) {
    const followed = await followedPath(value);
    if (followed === value && paths.mayRead(owner, value)) {
      const outside = kind === "model" ? await baseProblem(value, { paths, owner }) : null;
      if (outside === null) continue;
      throw new UserError(`${fieldName(path)}: ${outside}`);
    }
    throw new UserError(
      `${fieldName(path)}: ${value} leads elsewhere than when the run was created, expected the same place: bring it back, ` +
        "or create the run again",
    );
  }
}

/** Replaces every path by the one that its links lead to. */
async function guardPaths(settings: unknown, { paths, owner }: GuardOptions): Promise<FieldViolation[]> {
  const fields = pathFields(settings);
  if (fields.length > mostPaths) {
    return [{ field: "settings", description: `name ${fields.length} paths, expected at most ${mostPaths}` }];
  }
  const violations: FieldViolation[] = [];
  for (const field of fields) {
    const description = await guardPath(settings, field, { paths, owner });
    if (description !== null) violations.push({ field: `settings.${fieldName(field.path)}`, description });
  }
  return violations;
}

async function guardPath(
  settings: unknown,
  { path, value, kind: what }: PathField,
  { paths, owner }: Pick<GuardOptions, "paths" | "owner">,
): Promise<string | null> {
  const problem = pathProblem(value);
  if (problem !== null) return problem;
  const absolute = resolve(paths.base, value);
  const named = what === "model" && !existsSync(absolute) ? hubModel(value) : null;
  if (named !== null) {
    setField(settings, path, hubAddress(named));
    return null;
  }
  const followed = await followedPath(absolute);
  if (followed === null || !paths.mayRead(owner, followed)) {
    const kind = isAbsolute(value) ? "lies" : "leads";
    return `${kind} outside the service's data roots, expected a path below ${paths.roots.join(" or ")}`;
  }
  setField(settings, path, followed);
  return what === "model" ? baseProblem(followed, { paths, owner }) : null;
}

/** The trainer may read the base of an adapter; so it must be what the client may read. */
async function baseProblem(
  model: string,
  { paths, owner }: Pick<GuardOptions, "paths" | "owner">,
): Promise<string | null> {
  const base = adapterBase(model);
  if (base === undefined || !isAbsolute(base)) return null;
  const followed = await followedPath(base);
  if (followed !== null && paths.mayRead(owner, followed)) return null;
  return `is an adapter whose base ${base} lies outside the service's data roots, expected it below ${paths.roots.join(" or ")}`;
}

function hubViolations(model: unknown, allowed: boolean): FieldViolation[] {
  if (allowed || !String(model).startsWith(HUB_SCHEME)) return [];
  const description =
    `found ${String(model)}, a name on the Hugging Face hub, but this service takes folders alone: name one, or have ` +
    "it started with --allow-hub";
  return [{ field: "settings.model", description }];
}

async function problems(
  settings: RunSettings,
  { runId, findEvaluationProblems }: GuardOptions,
): Promise<FieldViolation[]> {
  try {
    await requireEvaluation(
      checkRunSettings(settings, runId === undefined ? {} : { id: runId }),
      undefined,
      findEvaluationProblems,
    );
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(({ field, description }) => ({
      field: field === "" ? "settings" : `settings.${field}`,
      description,
    }));
  }
}
