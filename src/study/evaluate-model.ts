import { join } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { answerScenes, type SceneAnswer, type SceneTruth } from "../evaluation/scene-answers.js";
import { scoreScenes, type SceneScores } from "../evaluation/scene-scores.js";
import { CAPTION_WORDS } from "../scenes/caption.js";
import { OBJECTS } from "../scenes/objects.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { DataFile, EvaluateJob, JobProgress, ScoresResult } from "./job.js";
import { readTruth } from "./scene-truth.js";

/** Seed of the bootstrap: one for all models, so that intervals and differences are paired. */
export const BOOTSTRAP_SEED = 0;

export const VOCABULARY: ReadonlySet<string> = new Set(OBJECTS.map(({ name }) => name));

/** Scores answers on scenes of the world. */
export function scoreAnswers(truth: readonly SceneTruth[], answers: readonly SceneAnswer[]): SceneScores {
  return scoreScenes(truth, answers, { vocabulary: VOCABULARY, seed: BOOTSTRAP_SEED, words: CAPTION_WORDS });
}

/** Answers of a model on scenes, as they lie on disk. */
export interface AnswersFile {
  model: string;
  weightsSha256: string;
  scenes: DataFile;
  answers: SceneAnswer[];
}

/**
 * Loads a model, lets it answer every scene, writes the answers and scores them.
 *
 * @returns The scores, the hash of the weights and the path of the answers.
 */
export async function answerAndScore(
  trainer: Trainer,
  request: { model: string; scenes: DataFile; answersPath: string; phase: string },
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<{ scores: SceneScores; weightsSha256: string; answersPath: string }> {
  const { model, scenes, answersPath, phase } = request;
  const { weightsSha256 } = await trainer.client.loadModel({ path: model }, { signal });
  const truth = await readTruth(scenes.path);
  const answers = await answerScenes(
    trainer.client,
    { scenesPath: scenes.path, sha256: scenes.sha256, scenes: truth },
    { signal, onProgress: (done, total) => onProgress({ type: "phase", phase, done, total }) },
  );
  const file: AnswersFile = { model, weightsSha256, scenes, answers };
  await writeAtomically(answersPath, `${JSON.stringify(file)}\n`);
  return {
    scores: scoreAnswers(truth, answers),
    weightsSha256,
    answersPath,
  };
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
  const answersPath = join(job.directory, `answers-${job.split}.json`);
  const request = { model, scenes: job.scenes, answersPath, phase: `answers on ${job.split} scenes` };
  const { scores, weightsSha256 } = await answerAndScore(trainer, request, onProgress, signal);
  return {
    kind: "scores",
    scores,
    answers: answersPath,
    stages: [],
    checkpoint: model,
    weightsSha256,
    versions: trainer.description.versions,
    device: trainer.description.device,
    telemetry: { lost: 0, complete: true },
    seconds: { train: 0, evaluate: (performance.now() - started) / 1000 },
  };
}
