import { readFile } from "node:fs/promises";
import type { SceneAnswer, SceneTruth } from "../evaluation/scene-answers.js";
import { compareTallies, type SceneComparison } from "../evaluation/scene-comparison.js";
import { tallyScenes, type SceneTally } from "../evaluation/scene-tally.js";
import { drawResamples } from "../numbers/statistics.js";
import { BOOTSTRAP_SEED, VOCABULARY, type AnswersFile } from "./evaluate-model.js";

/** The answers in a file that an evaluation wrote. */
export async function readAnswers(path: string): Promise<SceneAnswer[]> {
  return (JSON.parse(await readFile(path, "utf8")) as AnswersFile).answers;
}

/** Counts of a model's answers, scene by scene. */
export async function readTallies(truth: readonly SceneTruth[], answersPath: string): Promise<SceneTally[]> {
  return tallyScenes(truth, await readAnswers(answersPath), VOCABULARY);
}

/** Compares answers on the same scenes, scene by scene, with a paired bootstrap. */
export function compareModels(base: readonly SceneTally[], other: readonly SceneTally[]): SceneComparison {
  return compareTallies(base, other, drawResamples(base.length, { seed: BOOTSTRAP_SEED }));
}
