import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
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
  readonly pairRecords: string;
  readonly checkpoints: string;
}

function runPaths(directory: string): RunPaths {
  return {
    journal: join(directory, "journal.jsonl"),
    metrics: join(directory, "metrics.jsonl"),
    pairRecords: join(directory, "pair-records.jsonl"),
    checkpoints: join(directory, "checkpoints"),
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
export async function claimDirectory(directory: string, replace: boolean): Promise<void> {
  const paths = runPaths(directory);
  const earlier = Object.values<string>({ ...paths }).filter((path) => existsSync(path));
  if (earlier.length > 0 && !replace) {
    throw new UserError(
      `directory: found the files of another run in ${directory}, expected none: choose another folder or remove it`,
    );
  }
  for (const path of earlier) await rm(path, { recursive: true });
  await mkdir(directory, { recursive: true });
}

/** Opens the run's files for writing. */
export async function openRunFiles(directory: string): Promise<RunFiles> {
  const paths = runPaths(directory);
  await mkdir(paths.checkpoints, { recursive: true });
  const journal = await openJournal(paths.journal);
  const metrics = await openMetrics(paths.metrics);
  const close = async () => {
    await journal.close();
    await metrics.close();
  };
  return { paths, journal, metrics, close };
}
