import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import { findPython, pythonEnvironment } from "../backend/python.js";
import { SCENES } from "../study/data-files.js";
import type { Kind } from "../scenes/kinds.js";
import { writeBaseScenes, writeEvaluationScenes } from "../scenes/world-files.js";
import { makeFolder } from "../files/writable.js";

/** Scenes that the base model learns from. */
const BASE_SCENES = 40_000;
const BASE_SEED = 1;

/** What `scpo base` is told. */
export interface BaseOptions {
  /** Folder of the drawn scenes. */
  out: string;
  /** Kinds of facts in the world; left out, all of them. */
  kinds?: readonly Kind[] | undefined;
  /** Scenes to learn from. */
  scenes?: number | undefined;
  /** Optimiser steps of tower and language model each. */
  steps?: number | undefined;
  signal: AbortSignal;
}

/**
 * `scpo base`: draws the base distribution and trains the embedded model on it from scratch. The model takes the place of
 * the one that ships, or, where anything is chosen, lies beside the scenes.
 *
 * @returns Folder of the model.
 */
export async function base({ out, kinds, scenes: count, steps, signal }: BaseOptions): Promise<string> {
  await makeFolder(out);
  const name = [...(kinds ?? []), ...(count === undefined ? [] : [count])].map((part) => `-${part}`).join("");
  const scenes = join(out, `base${name}.parquet`);
  const validation = join(out, `validation${name}.parquet`);
  const isShipped = kinds === undefined && count === undefined && steps === undefined;
  const model = isShipped ? EMBEDDED_MODEL_FOLDER : join(out, `model${name}`);
  const say = (what: string) => (done: number, total: number) => {
    signal.throwIfAborted();
    if (done % 2000 === 0 || done === total) process.stderr.write(`base: ${what} ${done}/${total}\n`);
  };
  const world = kinds === undefined ? {} : { kinds };
  if (!existsSync(scenes)) {
    const onProgress = say("scenes to learn from");
    await writeBaseScenes(scenes, { ...world, count: count ?? BASE_SCENES, seed: BASE_SEED, onProgress });
  }
  if (!existsSync(validation)) {
    await writeEvaluationScenes(validation, {
      ...world,
      split: "validation",
      count: Math.min(SCENES.validation, count ?? Infinity),
      onProgress: say("validation scenes"),
    });
  }
  const args = ["-m", "scpo_trl.tiny.recipe", "--base", scenes, "--validation", validation, "--out", model];
  if (steps !== undefined) args.push("--steps", `${steps}`, "--tower-steps", `${steps}`);
  const env = { ...process.env, ...pythonEnvironment() };
  const recipe = spawn(findPython(), args, { stdio: "inherit", env, signal });
  const [code] = (await once(recipe, "exit")) as [number | null];
  if (code !== 0) throw new UserError(`base: the recipe ended with code ${code}; its last lines above say why`);
  return model;
}
