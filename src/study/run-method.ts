import { join } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { curriculumPolicy } from "../curriculum/registry.js";
import { readPairs } from "../pairs/pair-rows.js";
import { referencePolicy } from "../reference/registry.js";
import { direct } from "../run/director.js";
import type { RunPlan } from "../run/plan.js";
import { answerAndScore } from "./evaluate-model.js";
import type { JobProgress, MethodJob, ScoresResult, StageScores } from "./job.js";
import { methodNamed } from "./method.js";

/** The plan of a method's run: its stages, their order and what each learns. */
async function planMethod(job: MethodJob): Promise<RunPlan> {
  const { settings } = job;
  const method = methodNamed(job.method);
  const pairs = await readPairs(job.graded.path, { images: false });
  const reference = referencePolicy({ policy: method.reference });
  const { order, stages } = method;
  const curriculum = curriculumPolicy({ policy: "staged", order, stages, epochs: job.epochs });
  const planned = curriculum(
    pairs.map(({ difficulty, stage }, pair) => ({ pair, difficulty, stage })),
    { effectiveBatch: settings.batch_size, seed: job.seed },
  );
  return {
    name: job.name,
    directory: job.directory,
    model: job.model.path,
    dataset: job.graded,
    seed: job.seed,
    batchSize: settings.batch_size,
    gradientAccumulationSteps: 1,
    training: {
      weight_decay: settings.weight_decay,
      max_grad_norm: settings.max_grad_norm,
      frozen_prefixes: settings.frozen_prefixes,
    },
    stages: planned.stages.map(({ name, pairs: rows }, stage) => ({
      name,
      pairs: rows,
      learningRate: job.learningRate,
      schedule: "cosine",
      warmupSteps: Math.round((rows.length / settings.batch_size) * settings.warmup_share),
      reference: reference.atOpen(stage),
      losses: [{ name: method.objective.loss, parameters: { ...method.objective.parameters } }],
    })),
  };
}

/** Trains a method and scores the model of its stages. */
export async function runMethod(
  trainer: Trainer,
  job: MethodJob,
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<ScoresResult> {
  const started = performance.now();
  const plan = await planMethod(job);
  const summary = await direct(trainer, plan, {
    signal,
    replace: true,
    onEvent: (event) => onProgress({ type: "run", event }),
  });
  signal.throwIfAborted();
  const trained = performance.now();
  const last = plan.stages.length - 1;
  const stages: StageScores[] = [];
  const score = async (stage: number) => {
    const name = plan.stages[stage]?.name as string;
    const [scenes, answers, phase] =
      stage === last || job.stageScenes === undefined
        ? [job.scenes, `answers-${job.split}.jsonl`, `answers on ${job.split} scenes`]
        : [job.stageScenes, `answers-after-${name}.jsonl`, `answers after ${name}`];
    const model = join(job.directory, "checkpoints", `stage-${stage}`);
    const request = { model, scenes, answersPath: join(job.directory, answers), phase };
    const scored = await answerAndScore(trainer, request, onProgress, signal);
    stages.push({ stage: name, scores: scored.scores });
    return { ...scored, model };
  };
  if (job.stageScenes !== undefined) for (let stage = 0; stage < last; stage++) await score(stage);
  const final = await score(last);
  return {
    kind: "scores",
    scores: final.scores,
    answers: final.answersPath,
    result: final.result,
    stages,
    checkpoint: final.model,
    weightsSha256: final.weightsSha256,
    versions: trainer.description.versions,
    device: trainer.description.device,
    telemetry: { lost: summary.telemetry?.lost ?? 0, complete: summary.telemetry?.complete ?? true },
    seconds: { train: (trained - started) / 1000, evaluate: (performance.now() - trained) / 1000 },
  };
}
