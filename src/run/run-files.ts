import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";

/** Where a run's files lie. */
export interface RunPaths {
  readonly log: string;
  readonly pairRecords: string;
  readonly checkpoints: string;
  readonly hold: string;
  readonly control: string;
  readonly trainerLog: string;
}

/** The paths of a run's files. */
export function runPaths(directory: string): RunPaths {
  return {
    log: join(directory, "log.jsonl"),
    pairRecords: join(directory, "pair-records.jsonl"),
    checkpoints: join(directory, "checkpoints"),
    hold: join(directory, "owner.json"),
    control: join(directory, "control"),
    trainerLog: join(directory, "trainer.log"),
  };
}

/** What told of a run up to version 0.2.0. */
const earlierFiles = ["journal.jsonl", "metrics.jsonl", "events.jsonl"] as const;

/** Why the run in a folder cannot be read: an earlier version made it; null when none did. */
export function earlierVersionProblem(directory: string): string | null {
  const [journal] = earlierFiles;
  if (existsSync(runPaths(directory).log) || !existsSync(join(directory, journal))) return null;
  return (
    `${directory}: found ${journal} and no log.jsonl, a run of scpo 0.2.0 or earlier, which this version does not read: ` +
    "start a new run; the folders in its checkpoints/ that are named stage-... can be its model"
  );
}

/** @throws UserError when an earlier version made the run in a folder. */
export function refuseEarlierVersion(directory: string): void {
  const problem = earlierVersionProblem(directory);
  if (problem !== null) throw new UserError(problem);
}

/**
 * Makes sure that the folder holds no other run.
 *
 * @param replace Removes the files of an earlier run instead.
 * @throws UserError when there is one.
 */
export async function requireNoRun(directory: string, replace: boolean): Promise<void> {
  const { log, pairRecords, checkpoints } = runPaths(directory);
  const earlier = earlierFiles.map((name) => join(directory, name));
  if (!replace && [log, ...earlier].some((path) => existsSync(path))) {
    throw new UserError(
      `directory: found the files of another run in ${directory}, expected none: choose another folder, remove it, or ` +
        "resume the run",
    );
  }
  if (!replace) return;
  for (const path of [log, pairRecords, checkpoints, ...earlier]) await rm(path, { recursive: true, force: true });
}

/**
 * Removes saved trainings that no resumption will ask for, and what a trainer that was killed left half-written.
 *
 * @param kept Names of the trainings that stay.
 */
export async function sweepTrainings(checkpoints: string, kept: readonly string[]): Promise<void> {
  for (const name of await readdir(checkpoints).catch(() => [])) {
    const isOld = /^step-\d+$/.test(name) && !kept.includes(name);
    if (isOld || /^\..+\.(writing|replaced)$/.test(name)) {
      // A folder that stays costs room alone.
      await rm(join(checkpoints, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}
