import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openTrainer } from "../backend/open-trainer.js";
import type { Trainer } from "../backend/trainer.js";
import { benchmarkNamed } from "../evaluation/registry.js";
import { writeEvalResult } from "../evaluation/eval-result.js";
import { prepareRun, runBenchmark } from "../evaluation/run/run-benchmark.js";
import type { SceneScores } from "../evaluation/scene-scores.js";
import { score } from "../evaluation/score.js";
import { sha256File } from "../files/sha256.js";
import { answerAndScore } from "../study/evaluate-model.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { ResolvedRunSettings } from "./plan-run.js";

type Evaluation = ResolvedRunSettings["evaluation"];
type BenchmarkSettings = Evaluation["benchmarks"][number];

/** Hears how far the work after the training is. */
export type ScoreProgress = (phase: string, done: number, total: number) => void;

/** The model of a stage, to be scored. */
interface StageModel {
  readonly stage: number;
  readonly path: string;
}

/** What is still to be done with a trainer. */
interface Task {
  readonly result: string;
  readonly roots: readonly string[];
  perform(trainer: Trainer): Promise<void>;
}

/** Scores of a stage's model on scenes. */
export interface StageScenes {
  readonly stage: number;
  readonly scores: SceneScores;
}

/**
 * Scores the models of a run as its settings say, into the folder `evaluation` of the run. What was scored before is
 * not scored again, so that an interrupted evaluation goes on.
 *
 * @param directory - The run's folder.
 * @throws UserError when data or benchmark files are missing or wrong.
 */
export async function scoreRun(
  directory: string,
  settings: ResolvedRunSettings,
  options: { signal: AbortSignal; onProgress?: ScoreProgress | undefined },
): Promise<void> {
  const { evaluation } = settings;
  const folder = join(directory, "evaluation");
  const models = await stageModels(directory, evaluation.when);
  const progress = options.onProgress ?? (() => undefined);
  const tasks = models.flatMap((model) => [
    ...(evaluation.scenes === undefined
      ? []
      : [scenesTask(evaluation.scenes, model, folder, progress, options.signal)]),
    ...evaluation.benchmarks.map((benchmark) => benchmarkTask(benchmark, model, folder, progress, options.signal)),
  ]);
  const open = tasks.filter(({ result }) => !existsSync(result));
  if (open.length === 0) return;
  await mkdir(folder, { recursive: true });
  const roots = [...new Set([directory, ...open.flatMap((task) => task.roots)])];
  const trainer = await openTrainer(settings.backend, {
    roots,
    logPath: join(folder, "trainer.log"),
    signal: options.signal,
  });
  try {
    for (const task of open) {
      options.signal.throwIfAborted();
      await task.perform(trainer);
    }
  } finally {
    await trainer.stop();
  }
}

/** The models of a run's stages that are saved: all of them, or the last. */
async function stageModels(directory: string, when: Evaluation["when"]): Promise<StageModel[]> {
  const folder = join(directory, "checkpoints");
  const stages = (await readdir(folder)).flatMap((name) => /^stage-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const models = stages.sort((a, b) => a - b).map((stage) => ({ stage, path: join(folder, `stage-${stage}`) }));
  return when === "end" ? models.slice(-1) : models;
}

function scenesFile(folder: string, stage: number): string {
  return join(folder, `scenes-stage-${stage}.json`);
}

function scenesTask(
  scenes: string,
  { stage, path: model }: StageModel,
  folder: string,
  progress: ScoreProgress,
  signal: AbortSignal,
): Task {
  const result = scenesFile(folder, stage);
  return {
    result,
    roots: [dirname(scenes)],
    async perform(trainer) {
      const phase = `scenes after stage ${stage}`;
      const answersPath = join(folder, `scenes-stage-${stage}-answers.json`);
      const request = { model, scenes: { path: scenes, sha256: await sha256File(scenes) }, answersPath, phase };
      const onProgress = (report: { type: string; done?: number; total?: number }) =>
        progress(phase, report.done ?? 0, report.total ?? 0);
      const { scores, weightsSha256 } = await answerAndScore(trainer, request, onProgress, signal);
      const content = { stage, weightsSha256, scenes: request.scenes, scores };
      await writeAtomically(result, `${JSON.stringify(content, null, 2)}\n`);
    },
  };
}

function benchmarkTask(
  settings: BenchmarkSettings,
  { stage, path: model }: StageModel,
  folder: string,
  progress: ScoreProgress,
  signal: AbortSignal,
): Task {
  const benchmark = benchmarkNamed(settings.benchmark);
  const { annotations, images, mode, max_new_tokens: maxNewTokens, batch_size: batchSize } = settings;
  const name = join(folder, `${benchmark.name}-stage-${stage}`);
  const out = benchmark.answers === "text-folder" ? `${name}-answers` : `${name}-answers.jsonl`;
  const result = `${name}.json`;
  const sample = settings.sample === undefined ? undefined : { images: settings.sample, seed: 0 };
  return {
    result,
    roots: [images],
    async perform(trainer) {
      const onProgress = (phase: string, done: number, total: number) =>
        progress(`${benchmark.name} after stage ${stage}: ${phase}`, done, total);
      const request = { benchmark, model, annotations, images, out, maxNewTokens, batchSize, sample };
      await runBenchmark(trainer, await prepareRun(request, onProgress), { onProgress, signal });
      await writeEvalResult(result, await score({ benchmark, annotations, answers: out, mode }));
    },
  };
}

/** Scores on scenes that lie in a run's folder, by stage. */
export async function readSceneScores(directory: string): Promise<StageScenes[]> {
  const folder = join(directory, "evaluation");
  const found: StageScenes[] = [];
  for (const name of existsSync(folder) ? await readdir(folder) : []) {
    if (!/^scenes-stage-\d+\.json$/.test(name)) continue;
    found.push(JSON.parse(await readFile(join(folder, name), "utf8")) as StageScenes);
  }
  return found.sort((a, b) => a.stage - b.stage);
}
