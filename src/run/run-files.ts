import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import type { Journal } from "./journal.js";
import { openJournal } from "./journal.js";
import type { MetricsFile } from "./metrics.js";
import { openMetrics } from "./metrics.js";

/** Where a run's files lie. */
export interface RunPaths {
  readonly journal: string;
  readonly metrics: string;
  readonly events: string;
  readonly pairRecords: string;
  readonly checkpoints: string;
  readonly owner: string;
  readonly control: string;
  readonly trainerLog: string;
}

/** The paths of a run's files. */
export function runPaths(directory: string): RunPaths {
  return {
    journal: join(directory, "journal.jsonl"),
    metrics: join(directory, "metrics.jsonl"),
    events: join(directory, "events.jsonl"),
    pairRecords: join(directory, "pair-records.jsonl"),
    checkpoints: join(directory, "checkpoints"),
    owner: join(directory, "owner.json"),
    control: join(directory, "control"),
    trainerLog: join(directory, "trainer.log"),
  };
}

/** The open files of a run. */
export interface RunFiles {
  readonly paths: RunPaths;
  readonly journal: Journal;
  readonly metrics: MetricsFile;
  close(): Promise<void>;
}

/**
 * Makes sure that the folder holds no other run.
 *
 * @param replace Removes the files of an earlier run instead.
 * @throws UserError when there is one.
 */
export async function requireNoRun(directory: string, replace: boolean): Promise<void> {
  const { journal, metrics, events, pairRecords, checkpoints } = runPaths(directory);
  // A run whose director died before it began left events at most.
  if (existsSync(journal) && !replace) {
    throw new UserError(
      `directory: found the files of another run in ${directory}, expected none: choose another folder, remove it, or ` +
        "resume the run",
    );
  }
  if (!replace) return;
  for (const path of [journal, metrics, events, pairRecords, checkpoints]) {
    await rm(path, { recursive: true, force: true });
  }
}

/** Opens the run's files for writing. */
export async function openRunFiles(paths: RunPaths): Promise<RunFiles> {
  await mkdir(paths.checkpoints, { recursive: true });
  const journal = await openJournal(paths.journal);
  const metrics = await openMetrics(paths.metrics);
  const close = async () => {
    await journal.close();
    await metrics.close();
  };
  return { paths, journal, metrics, close };
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
