import { readFile } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { LineCounter, parseDocument, type Document } from "yaml";
import type { BackendInput } from "../backend/settings.js";
import { UserError } from "../errors.js";
import { OFFERED } from "../run/plan.js";
import { withoutFormerFields } from "./former-fields.js";
import { lossProblems } from "./loss-problems.js";
import { modelProblems, offlineProblems } from "./model-problems.js";
import { withAbsolutePaths } from "./paths.js";
import { fieldName, positionOf } from "./position.js";
import { type LocatedProblem, problemsOf, SettingsError, type SettingsProblem } from "./problems.js";
import { RUN_ID } from "../generated/rules.js";
import { type Recipe, withRecipe } from "./recipe.js";
import { type CheckedRunSettings, runSettingsSchema } from "./schema.js";

/** Settings that were checked, with their name and with absolute paths. */
export type NamedRunSettings = CheckedRunSettings & { id: string };

/** Settings as they were given and as they were understood. */
export interface ReadSettings {
  /** What was written, paths made absolute; the difference to `settings` are the defaults. */
  readonly given: unknown;
  readonly settings: NamedRunSettings;
  /** An error that says where further mistakes stand. */
  readonly refusal: (problems: readonly LocatedProblem[]) => SettingsError;
}

/** Where a training dials in, and what it must show: the fields of `backend` of the kind `dialled`. */
export type Listen = Omit<Extract<BackendInput, { kind: "dialled" }>, "kind">;

/** What counts in place of settings. */
export interface Overrides {
  /** Name of the run. */
  readonly id?: string;
  /** The training is one that dials here. */
  readonly listen?: Listen;
}

/** Where mistakes are said to be. */
interface Origin {
  readonly name: string;
  /** Folder that relative paths start from. */
  readonly base: string;
  /** The name of a run whose settings give none. */
  readonly id?: string | undefined;
  readonly file?: { document: Document; lines: LineCounter };
  /** Where settings of `training` come from that the file itself does not have. */
  readonly recipe?: Recipe | undefined;
}

/**
 * Reads and checks a run's settings from a YAML file; relative paths are relative to the file.
 *
 * @param path - The file.
 * @param over - What counts in place of the file's own.
 * @throws SettingsError with every mistake at its line and column; UserError when the file cannot be read.
 */
export async function readRunFile(path: string, over: Overrides = {}): Promise<ReadSettings> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder" : message;
    throw new UserError(`${path}: ${reason}; expected the settings of a run: name an existing run.yaml`, { cause });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings].map(({ message, pos }): SettingsProblem => {
    const { line, col } = lines.linePos(pos[0]);
    return { field: "", description: message, position: { line, column: col } };
  });
  if (syntax.length > 0) throw new SettingsError(path, syntax);
  if (document.contents === null) {
    throw new UserError(`${path}: is empty, expected the settings of a run: see docs/runs.md, or examples/run.yaml`);
  }
  if (isTrlConfiguration(document)) {
    throw new UserError(
      `${path}: is a configuration of trl-scpo, expected the settings of a run: name it as recipe in a run.yaml (docs/runs.md), or give it to trl-scpo --config`,
    );
  }
  const origin = { name: path, base: dirname(resolve(path)), id: basename(path, extname(path)) };
  const { settings, recipe, problems } = await withRecipe(overridden(document.toJS(), over), origin.base);
  return checked(settings, { ...origin, recipe, file: { document, lines } }, problems);
}

/**
 * Checks settings that come from a program; relative paths are relative to the working directory.
 *
 * @param settings - As `run.yaml` holds them.
 * @param over - What counts in place of the settings' own.
 * @throws SettingsError with every mistake.
 */
export function checkRunSettings(settings: unknown, over: Overrides = {}): ReadSettings {
  return checked(overridden(settings, over), { name: "run settings", base: process.cwd() });
}

/** Python's command has a file of its own, whose names are TRL's. */
function isTrlConfiguration(document: Document): boolean {
  return ["loss_type", "dataset_name", "per_device_train_batch_size"].some((name) => document.has(name));
}

function overridden(settings: unknown, { id, listen }: Overrides): unknown {
  if (id !== undefined && !RUN_ID.pattern.test(id)) {
    throw new UserError(`id: found ${JSON.stringify(id)}, expected ${RUN_ID.expected}`);
  }
  if (settings === null || typeof settings !== "object") return settings;
  const named = { ...settings, ...(id === undefined ? {} : { id }) };
  if (listen === undefined) return named;
  // The model is the training's own, and so are the pairs unless the settings name a file of them.
  return { data: { pairs: OFFERED }, ...named, model: OFFERED, backend: { kind: "dialled", ...listen } };
}

function checked(raw: unknown, origin: Origin, ofRecipe: readonly LocatedProblem[] = []): ReadSettings {
  const { settings: known, problems: former } = withoutFormerFields(raw);
  const { settings: given, problems: missing } = withAbsolutePaths(known, origin.base);
  const parsed = runSettingsSchema.safeParse(given);
  const found = parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemsOf(issue, given));
  const settings = parsed.success ? { ...parsed.data, id: parsed.data.id ?? origin.id } : undefined;
  if (parsed.success && settings?.id === undefined) {
    found.push({ path: ["id"], isName: false, description: "is missing, expected a name for the run and its folder" });
  }
  const refusal = (problems: readonly LocatedProblem[]) => {
    // By position, as somebody who mends them goes through the file.
    const inOrder = problems.map((problem) => located(problem, origin)).sort((a, b) => byPosition(a) - byPosition(b));
    return new SettingsError(origin.name, inOrder);
  };
  if (parsed.success && settings?.recipe !== undefined) {
    found.push({
      path: ["recipe"],
      isName: true,
      description: "is read where a file names it: give its settings as training",
    });
  }
  const problems = [...ofRecipe, ...former, ...found, ...missing, ...modelProblems(given), ...lossProblems(given)];
  if (problems.length === 0 && settings !== undefined) problems.push(...offlineProblems(settings));
  if (problems.length > 0) throw refusal(problems);
  return { given, settings: settings as NamedRunSettings, refusal };
}

function located(problem: LocatedProblem, { file, recipe }: Origin): SettingsProblem {
  const { path, isName, description } = recipe?.located(problem) ?? problem;
  const described = { field: fieldName(path), description };
  return file === undefined
    ? described
    : { ...described, position: positionOf(file.document, file.lines, path, isName) };
}

function byPosition({ position }: SettingsProblem): number {
  return position === undefined ? 0 : position.line * 1e6 + position.column;
}
