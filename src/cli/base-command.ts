import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import { findPython, pythonPath } from "../backend/python.js";
import { SCENES } from "../study/data-files.js";
import { writeBaseScenes, writeEvaluationScenes } from "../scenes/world-files.js";

/** Scenes that the base model learns from. */
const BASE_SCENES = 40_000;
const BASE_SEED = 1;

/** `scpo base`: draws the base distribution and trains the embedded model on it from scratch. */
export async function base(options: { out: string; signal: AbortSignal }): Promise<void> {
  await mkdir(options.out, { recursive: true });
  const scenes = join(options.out, "base.parquet");
  const validation = join(options.out, "validation.parquet");
  const say = (what: string) => (done: number, total: number) => {
    options.signal.throwIfAborted();
    if (done % 2000 === 0 || done === total) process.stderr.write(`base: ${what} ${done}/${total}\n`);
  };
  if (!existsSync(scenes)) {
    await writeBaseScenes(scenes, { count: BASE_SCENES, seed: BASE_SEED, onProgress: say("scenes to learn from") });
  }
  if (!existsSync(validation)) {
    await writeEvaluationScenes(validation, {
      split: "validation",
      count: SCENES.validation,
      onProgress: say("validation scenes"),
    });
  }
  const args = [
    "-m",
    "scpo_trl.tiny.recipe",
    "--base",
    scenes,
    "--validation",
    validation,
    "--out",
    EMBEDDED_MODEL_FOLDER,
  ];
  const env = { ...process.env, PYTHONPATH: pythonPath() };
  const recipe = spawn(findPython(), args, { stdio: "inherit", env, signal: options.signal });
  const [code] = (await once(recipe, "exit")) as [number | null];
  if (code !== 0) throw new UserError(`base: the recipe ended with code ${code}; its last lines above say why`);
}
