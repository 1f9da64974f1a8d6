import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { UserError, type ErrorCode } from "../errors.js";
import { writeAtomically } from "../files/write-atomically.js";
import { holderOf } from "../run/hold.js";
import { refuseEarlierVersion, runPaths } from "../run/run-files.js";
import type { ResolvedRunSettings } from "./plan-run.js";
import { readRunFile, type ReadSettings } from "./read.js";
import { makeFolder, requireWritable, unwritable } from "../files/writable.js";

/** Where runs go when nothing else is said, in the working directory. */
export const RUNS_FOLDER = "runs";
/** A run's settings in its folder. */
export const SETTINGS_FILE = "run.yaml";

/** A run of that name exists already. */
export class RunExistsError extends UserError {
  override readonly name = "RunExistsError";
  override readonly code: ErrorCode = "SCPO_RUN_EXISTS";
}

/** There is no run in the folder. */
export class RunNotFoundError extends UserError {
  override readonly name = "RunNotFoundError";
  override readonly code: ErrorCode = "SCPO_RUN_NOT_FOUND";
}

/** A path as one would type it. */
export function typed(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" ? "." : short.startsWith("..") ? path : short;
}

/**
 * Claims the folder of a new run and writes its settings; of two that try at the same time one succeeds.
 *
 * @param claimedBy - A file of the caller's own that may lie there.
 * @throws RunExistsError when something else lies there.
 */
export async function createRunFolder(
  directory: string,
  settings: ResolvedRunSettings,
  claimedBy?: string,
): Promise<void> {
  await makeFolder(join(directory, ".."));
  try {
    await mkdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(directory, cause);
    await refuseUnlessEmpty(directory, settings.id, claimedBy);
  }
  await writeAtomically(join(directory, SETTINGS_FILE), settingsText(settings));
}

/** Says early what `createRunFolder` would say. */
export async function refuseUnlessEmpty(directory: string, id: string, claimedBy?: string): Promise<void> {
  await requireWritable(directory, "folder");
  const content = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (content.every((name) => name === claimedBy)) return;
  const holder = await holderOf(runPaths(directory).hold);
  if (holder !== undefined) {
    const path = typed(directory);
    throw new RunExistsError(
      `run "${id}" is running already, in ${holder}: scpo status ${path} says how far it is, scpo pause or cancel ${path} ` +
        "ends it; another name starts a new one (--id NAME)",
    );
  }
  throw new RunExistsError(
    existsSync(join(directory, SETTINGS_FILE))
      ? `run "${id}" exists: scpo resume ${typed(directory)} resumes it; another name starts a new one (--id NAME)`
      : `run "${id}": ${typed(directory)} exists and is no run, expected a new folder: choose another name (--id NAME)`,
  );
}

function settingsText(settings: ResolvedRunSettings): string {
  return `# As resolved when the run was created: every default, every stage. \`scpo resume\` reads this file.\n${stringify(settings)}`;
}

/**
 * Reads the settings of a run from its folder.
 *
 * @throws RunNotFoundError when there is no run.
 */
export async function readRunFolder(directory: string): Promise<ReadSettings> {
  const path = join(requireRun(directory), SETTINGS_FILE);
  return readRunFile(path);
}

/**
 * The absolute path of a run's folder.
 *
 * @throws RunNotFoundError when there is no run; UserError when an earlier version made it.
 */
export function requireRun(directory: string): string {
  const absolute = resolve(directory);
  refuseEarlierVersion(absolute);
  if (existsSync(join(absolute, SETTINGS_FILE))) return absolute;
  throw new RunNotFoundError(
    `${typed(absolute)}: found no run there, expected a folder with ${SETTINGS_FILE}: scpo status lists the runs`,
  );
}
