import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { ASKING } from "../evaluation/benchmark.js";
import { type Scores, writeEvalResult } from "../evaluation/eval-result.js";
import { prepareRun, runBenchmark } from "../evaluation/run/run-benchmark.js";
import { settingsPath } from "../evaluation/run/settings.js";
import { scenes as benchmark } from "../evaluation/scenes/scenes.js";
import { score } from "../evaluation/score.js";
import type { DataFile, EvaluateJob, JobProgress, ScoresResult } from "./job.js";

/**
 * Loads a model, lets it answer every scene, writes the answers and scores them.
 *
 * @returns The scores, the hash of the weights, and the paths of the answers and of the result.
 */
export async function answerAndScore(
  trainer: Trainer,
  request: { model: string; scenes: DataFile; answersPath: string; phase: string },
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<{ scores: Scores; weightsSha256: string; answersPath: string; result: string }> {
  const { model, scenes, answersPath, phase } = request;
  // Those of an earlier model.
  for (const path of [answersPath, settingsPath(answersPath)]) await rm(path, { force: true });
  const asked = { benchmark, annotations: scenes.path };
  const prepared = await prepareRun({ ...asked, model, out: answersPath, ...(benchmark.asking ?? ASKING) });
  const { settings } = await runBenchmark(trainer, prepared, {
    signal,
    onProgress: (_, done, total) => onProgress({ type: "phase", phase, done, total }),
  });
  const scored = await score({ ...asked, answers: answersPath });
  const result = answersPath.replace(/l$/, "");
  await writeEvalResult(result, scored);
  const { metrics, interval } = scored;
  return { scores: { metrics, interval }, weightsSha256: settings.model.weightsSha256, answersPath, result };
}

/** Scores one model on one set of scenes. */
export async function evaluateModel(
  trainer: Trainer,
  job: EvaluateJob,
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<ScoresResult> {
  const started = performance.now();
  const model = job.model.path;
  const answersPath = join(job.directory, `answers-${job.split}.jsonl`);
  const request = { model, scenes: job.scenes, answersPath, phase: `answers on ${job.split} scenes` };
  const { scores, weightsSha256, result } = await answerAndScore(trainer, request, onProgress, signal);
  return {
    kind: "scores",
    scores,
    answers: answersPath,
    result,
    stages: [],
    checkpoint: model,
    weightsSha256,
    versions: trainer.description.versions,
    device: trainer.description.device,
    telemetry: { lost: 0, complete: true },
    seconds: { train: 0, evaluate: (performance.now() - started) / 1000 },
  };
}
