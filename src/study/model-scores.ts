import { UserError } from "../errors.js";
import type { Scored } from "../evaluation/benchmark.js";
import { readEvalResult, type EvalResult } from "../evaluation/eval-result.js";
import { readSettings, settingsPath } from "../evaluation/run/settings.js";
import { scenes as benchmark } from "../evaluation/scenes/scenes.js";
import { count } from "../evaluation/score.js";
import { answersPath, resultPath } from "../run-file/evaluation-task.js";
import type { DataFile } from "./task.js";

/** What a model of a finished task scored, and where its answers lie. */
export interface ModelScores {
  result: EvalResult;
  answers: string;
}

/** Reads what the model of a stage scored. */
export async function readScores(directory: string, stage = 0): Promise<ModelScores> {
  return {
    result: await readEvalResult(resultPath(directory, benchmark.name, stage)),
    answers: answersPath(directory, benchmark, stage),
  };
}

/** Counts what a model said of scenes. */
export async function countAnswers(scenes: DataFile, { answers }: ModelScores): Promise<Scored> {
  return (await count({ benchmark, annotations: scenes.path, answers })).scored;
}

/** With what answers were given: the weights, the device and the versions of the trainer's packages. */
export async function readOrigin({ answers }: ModelScores): Promise<{
  weightsSha256: string;
  device: string;
  versions: Readonly<Record<string, string>>;
}> {
  const path = settingsPath(answers);
  const { model, trainer } = (await readSettings(path)) ?? {};
  if (trainer === undefined || model === undefined || !("weightsSha256" in model)) {
    throw new UserError(`${path}: says of no trainer, expected that of the model: choose another --out`);
  }
  return { weightsSha256: model.weightsSha256, device: trainer.device, versions: trainer.versions };
}
