import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageVersion } from "../package-root.js";
import { writePairs } from "../pairs/pair-rows.js";
import { sha256File } from "../files/sha256.js";
import { makeContrastPairs } from "../scenes/contrast.js";
import { writeEvaluationScenes } from "../scenes/world-files.js";
import type { DataFile } from "./task.js";
import type { Progress } from "../progress/progress.js";
import { makeFolder } from "../files/writable.js";

/** Scenes of the fixed splits. */
export const SCENES = { validation: 1000, test: 2000 } as const;

type Report = (phase: string, done: number, total: number) => void;

/** Shows how far the drawing is, and ends it when the signal says so. */
export function followDrawing(progress: Progress, signal: AbortSignal): Report {
  return (phase, done, total) => {
    signal.throwIfAborted();
    progress.update("scenes", phase, done, total);
  };
}

async function file(path: string, make: (path: string) => Promise<void>): Promise<DataFile> {
  // Files appear complete under their name, so one that is there need not be drawn again.
  if (!existsSync(path)) await make(path);
  return { path, sha256: await sha256File(path) };
}

/** The scenes of a fixed split, drawn into the folder unless they lie there. */
export async function evaluationScenes(
  folder: string,
  split: "validation" | "test",
  report: Report,
  count: number = SCENES[split],
): Promise<DataFile> {
  await makeFolder(folder);
  return file(join(folder, `${split}-${count}-${packageVersion()}.parquet`), (path) =>
    writeEvaluationScenes(path, {
      split,
      count,
      onProgress: (done, total) => report(`${split} scenes`, done, total),
    }),
  );
}

/** The training pairs of a seed, drawn into the folder unless they lie there. */
export async function trainingPairs(
  folder: string,
  options: { seed: number; count: number; questionRate: number },
  report: Report,
): Promise<DataFile> {
  await makeFolder(folder);
  const { seed, count, questionRate } = options;
  const name = `pairs-${count}-questions-${100 * questionRate}-seed-${seed}-${packageVersion()}.parquet`;
  return file(join(folder, name), async (path) => {
    const onProgress = (done: number, total: number) => report("pairs", done, total);
    const pairs = await makeContrastPairs({ seed, count, questionRate, onProgress });
    await writePairs(path, pairs);
  });
}
