import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { readEvalResult, writeEvalResult } from "../evaluation/eval-result.js";
import { benchmarkNamed } from "../evaluation/registry.js";
import { prepareRun, runBenchmark } from "../evaluation/run/run-benchmark.js";
import { figureOf, FIGURES, type SceneScores } from "../evaluation/scene-scores.js";
import { score } from "../evaluation/score.js";
import { sha256File } from "../files/sha256.js";
import { answerAndScore } from "../study/evaluate-model.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { NamedRunSettings } from "./read.js";

type BenchmarkSettings = NamedRunSettings["evaluation"]["benchmarks"][number];

/** The name of scores on drawn scenes beside those of benchmarks. */
export const SCENES = "scenes";

/** Hears how far a task is. */
export type Progress = (what: string, done: number, total: number) => void;

/** The model of a stage, to be scored. */
export interface StageModel {
  readonly stage: number;
  readonly path: string;
}

/** One model to be scored on one benchmark. */
export interface EvaluationTask {
  readonly stage: number;
  /** Name of the benchmark, or "scenes". */
  readonly benchmark: string;
  /** File that is there once it is scored. */
  readonly result: string;
  /** Folders that the trainer reads beside the run's own. */
  readonly roots: readonly string[];
  /**
   * Lets the model answer, and scores it; interrupted, it goes on where its answers end.
   *
   * @param open - Gives the trainer, once everything else is found to be there.
   * @throws UserError when files are missing or wrong.
   */
  perform(open: () => Promise<Trainer>, progress: Progress, signal: AbortSignal): Promise<void>;
  /** What the result file says. */
  figures(): Promise<Record<string, number | null>>;
}

/** A stage's scores on scenes, as their file holds them. */
export interface StageScenes {
  readonly stage: number;
  readonly scores: SceneScores;
}

/** Reads a stage's scores on scenes. */
export async function readStageScenes(path: string): Promise<StageScenes> {
  return JSON.parse(await readFile(path, "utf8")) as StageScenes;
}

/** A model's answers on drawn scenes. */
export function scenesTask(scenes: string, { stage, path: model }: StageModel, folder: string): EvaluationTask {
  const result = join(folder, `scenes-stage-${stage}.json`);
  return {
    stage,
    benchmark: SCENES,
    result,
    roots: [dirname(scenes)],
    async perform(open, progress, signal) {
      const answersPath = join(folder, `scenes-stage-${stage}-answers.json`);
      const file = { path: scenes, sha256: await sha256File(scenes) };
      const request = { model, scenes: file, answersPath, phase: "answers" };
      const onProgress = (report: { type: string; done?: number; total?: number }) =>
        progress("answers", report.done ?? 0, report.total ?? 0);
      const { scores, weightsSha256 } = await answerAndScore(await open(), request, onProgress, signal);
      await writeAtomically(result, `${JSON.stringify({ stage, weightsSha256, scenes: file, scores }, null, 2)}\n`);
    },
    async figures() {
      const { scores } = await readStageScenes(result);
      return Object.fromEntries(FIGURES.map((figure) => [figure, figureOf(scores, figure)]));
    },
  };
}

/** A model's answers on a benchmark. */
export function benchmarkTask(
  settings: BenchmarkSettings,
  { stage, path: model }: StageModel,
  folder: string,
): EvaluationTask {
  const benchmark = benchmarkNamed(settings.benchmark);
  const { annotations, images, mode, max_new_tokens: maxNewTokens, batch_size: batchSize } = settings;
  const name = join(folder, `${benchmark.name}-stage-${stage}`);
  const out = benchmark.answers === "text-folder" ? `${name}-answers` : `${name}-answers.jsonl`;
  const result = `${name}.json`;
  return {
    stage,
    benchmark: benchmark.name,
    result,
    roots: [images],
    async perform(open, onProgress, signal) {
      const sample = imageSample(settings);
      const request = { benchmark, model, annotations, images, out, maxNewTokens, batchSize, sample };
      const prepared = await prepareRun(request, onProgress);
      await runBenchmark(await open(), prepared, { onProgress, signal });
      await writeEvalResult(result, await score({ benchmark, annotations, answers: out, mode }));
    },
    figures: async () => (await readEvalResult(result)).metrics,
  };
}

/** The part of a benchmark's images that settings ask about; undefined for all. */
export function imageSample({ sample }: BenchmarkSettings): { images: number; seed: number } | undefined {
  return sample === undefined ? undefined : { images: sample, seed: 0 };
}
