import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../errors.js";
import { scenes as benchmark } from "../evaluation/scenes/scenes.js";
import { sha256File } from "../files/sha256.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import { resultPath } from "../run-file/evaluation-task.js";
import { EMBEDDED_MODEL } from "../run-file/schema.js";
import type { Method } from "./method.js";
import type { Recipe } from "./recipe.js";
import type { BaseTask, DataFile, GradeTask, RunTask } from "./task.js";

/** What all tasks start from: the embedded model, by the hash of its weights, and the threads of a trainer. */
export interface Start {
  weightsSha256: string;
  threads: number;
}

/**
 * The embedded model's hash.
 *
 * @throws UserError when there are no weights.
 */
export async function startFrom({ threads }: Recipe): Promise<Start> {
  const weights = join(EMBEDDED_MODEL_FOLDER, "model.safetensors");
  if (existsSync(weights)) return { weightsSha256: await sha256File(weights), threads };
  throw new UserError(`${weights}: no such file; expected the embedded base model. Train it again: npx scpo base`);
}

/** The grading of pairs into a file. */
export function gradeTask(
  place: { name: string; directory: string },
  start: Start,
  pairs: DataFile,
  graded: string,
): GradeTask {
  const inputs = { model: start.weightsSha256, pairs: pairs.sha256 };
  return { kind: "grade", ...place, makes: graded, inputs, pairs: pairs.path, threads: start.threads };
}

/** The base model's answers on scenes. */
export function baseTask(place: { name: string; directory: string }, start: Start, scenes: DataFile): BaseTask {
  const inputs = { model: start.weightsSha256, scenes: scenes.sha256 };
  const makes = resultPath(place.directory, benchmark.name, 0);
  return { kind: "base", ...place, makes, inputs, scenes: scenes.path, threads: start.threads };
}

/** One training of a method, and the scores of its models. */
export interface Training {
  method: Method;
  seed: number;
  learningRate: number;
  epochs: number;
  /** Pairs with difficulty and stage. */
  graded: DataFile;
  scenes: DataFile;
  /** Which stages' models are scored. */
  when: "end" | "each-stage";
}

/** The run of a training, as a `run.yaml` would have it. */
export function runTask(directory: string, start: Start, recipe: Recipe, training: Training): RunTask {
  const { method, seed, learningRate, epochs, graded, scenes, when } = training;
  const { order, stages, reference, objective } = method;
  return {
    kind: "run",
    name: basename(directory),
    directory,
    makes: resultPath(directory, benchmark.name, lastStage(method)),
    inputs: { model: start.weightsSha256, scenes: scenes.sha256 },
    settings: {
      model: EMBEDDED_MODEL,
      data: { pairs: graded.path, sha256: graded.sha256 },
      training: {
        loss_type: objective.loss,
        loss_parameters: { ...objective.parameters },
        learning_rate: learningRate,
        lr_scheduler_type: "cosine",
        // The nearest whole number, where a share given to the run would be rounded up.
        warmup_steps: Math.round(((recipe.pairs * epochs) / stages / recipe.batch_size) * recipe.warmup_share),
        weight_decay: recipe.weight_decay,
        max_grad_norm: recipe.max_grad_norm,
        per_device_train_batch_size: recipe.batch_size,
        frozen_prefixes: recipe.frozen_prefixes,
        seed,
      },
      curriculum: { policy: "staged", order, stages, epochs },
      reference: { policy: reference },
      backend: { kind: "embedded", threads: start.threads },
      evaluation: { when, scenes: scenes.path },
    },
  };
}

/** Number of a method's last stage. */
export function lastStage({ stages }: Method): number {
  return stages - 1;
}
