import { existsSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { readPairs } from "../pairs/parquet.js";
import { readTraining } from "../report/read-training.js";
import { writeRunReport } from "../report/run-report.js";
import type { ResolvedRunSettings } from "./plan-run.js";
import { readSceneScores } from "./score-run.js";

/** Name of the page in a run's folder. */
export const PAGE_FILE = "report.html";

/** Writes the page of a run that has ended, from what lies in its folder, unless it is there. */
export async function writeRunPage(directory: string, settings: ResolvedRunSettings): Promise<void> {
  const path = join(directory, PAGE_FILE);
  if (existsSync(path)) return;
  const pairs = await readPairs(settings.data.pairs, { images: false });
  const training = await readTraining(directory, settings.id);
  const scores = await readSceneScores(directory);
  await writeRunReport(path, {
    title: `Run ${settings.id}`,
    training,
    difficulties: pairs.map(({ difficulty }) => difficulty),
    scores: scores.map(({ stage, scores: figures }) => ({
      stage: settings.stages[stage]?.name ?? `stage ${stage}`,
      scores: figures,
    })),
    settings: stringify(settings),
  });
}
