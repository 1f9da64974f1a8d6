import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readTraining } from "../report/read-training.js";
import { compareResults } from "../evaluation/compare.js";
import type { Scores } from "../evaluation/eval-result.js";
import { readResult, writeResult, type StudyResult } from "../report/study-result.js";
import { packageVersion } from "../package-root.js";
import { writeAtomically } from "../files/write-atomically.js";
import { evaluationScenes, followDrawing, SCENES, trainingPairs } from "./data-files.js";
import { METHODS, type Method } from "./method.js";
import type { Progress } from "../progress/progress.js";
import { learningRateOf, type Recipe } from "./recipe.js";
import { type DemoParts, type TrainedMethod, writeDemoReport } from "./demo-report.js";
import { summaryOf } from "./score-text.js";
import { TaskPool } from "./task-pool.js";
import { type ModelScores, readScores } from "./model-scores.js";
import { baseTask, gradeTask, lastStage, runTask, type Start, startFrom } from "./tasks.js";
import type { DataFile } from "./task.js";
import { makeFolder } from "../files/writable.js";

/** The methods that the demonstration trains. */
const SHOWN: readonly Method[] = METHODS.filter(({ name }) => ["sft", "dpo", "scpo"].includes(name));

/** How the demonstration is run. */
export interface DemoOptions {
  seed: number;
  /** Folder of the result. */
  out: string;
  recipe: Recipe;
  workers: number;
  /** Test scenes. @default all of the fixed test split */
  testScenes?: number;
  progress: Progress;
  signal: AbortSignal;
}

/** What the demonstration came to. */
export interface DemoOutcome {
  result: StudyResult;
  resultPath: string;
  reportPath: string;
  /** The result was there already. */
  found: boolean;
}

/**
 * Trains sft, dpo and scpo from the embedded model on the same pairs, scores them on the test scenes, and writes
 * `result.json` and `report.html`. A finished result for the same settings is shown again; an interrupted one is resumed.
 */
export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const { recipe, seed, progress } = options;
  const out = resolve(options.out);
  const start = await startFrom(recipe);
  const resultPath = join(out, "result.json");
  const reportPath = join(out, "report.html");
  const key = demoKey(options, start);
  if (existsSync(reportPath) && (await readKey(out)) === key) {
    return { result: await readResult(resultPath), resultPath, reportPath, found: true };
  }
  const started = performance.now();
  await makeFolder(out);
  const draw = followDrawing(progress, options.signal);
  const data = join(out, "data");
  const test = await evaluationScenes(data, "test", draw, options.testScenes);
  const pairs = await trainingPairs(data, { seed, count: recipe.pairs, questionRate: recipe.question_rate }, draw);
  progress.finish("scenes", "drawn");
  const drawn = performance.now();

  const parts = await trainAndScore({ ...options, out }, start, { test, pairs, data });
  const { grade, base, methods } = parts;
  const compare = ({ name, stages }: TrainedMethod) => {
    const { metrics } = compareResults(named("base", base), named(name, stages.at(-1) as ModelScores));
    return [
      name,
      Object.fromEntries(
        metrics.map(({ name: figure, a, b, difference, interval, reduction, reduction_interval }) => [
          figure,
          { a, b, difference, interval, reduction, reduction_interval },
        ]),
      ),
    ] as const;
  };
  const result: StudyResult = {
    seed,
    threads: recipe.threads,
    test_scenes: base.result.bootstrap?.images ?? 0,
    pairs: grade.pairs,
    models: Object.fromEntries([
      ["base", scoresOf(base)],
      ...methods.map(({ name, stages }) => [name, scoresOf(stages.at(-1) as ModelScores)] as const),
    ]),
    stages: methods.flatMap(({ name, training, stages }) =>
      stages.map((scored, stage) => ({
        ...{ method: name, name: training.stages[stage]?.name ?? `${stage}`, stage },
        scores: scoresOf(scored),
      })),
    ),
    comparisons: Object.fromEntries(methods.map(compare)),
    seconds: {
      scenes: (drawn - started) / 1000,
      difficulty: grade.seconds,
      base: base.seconds,
      ...Object.fromEntries(methods.map(({ name, seconds }) => [name, seconds])),
      this_call: (performance.now() - started) / 1000,
    },
  };
  await writeResult(resultPath, result);
  await writeDemoReport(reportPath, { result, parts, scenes: test, recipe });
  // The key comes last: a result without it is not finished.
  await writeAtomically(join(out, "result.key"), key);
  return { result, resultPath, reportPath, found: false };
}

function scoresOf({ result: { metrics, interval } }: ModelScores): Scores {
  return { metrics, interval };
}

function named(name: string, { result }: ModelScores) {
  return { name, result };
}

async function trainAndScore(
  { out, recipe, seed, progress, workers, signal }: DemoOptions,
  start: Start,
  files: { test: DataFile; pairs: DataFile; data: string },
): Promise<DemoParts> {
  const pool = new TaskPool({ workers, root: out, progress, signal });
  const place = (name: string) => ({ name, directory: join(out, name) });
  try {
    const graded = join(files.data, `pairs-${recipe.pairs}-seed-${seed}-graded.parquet`);
    const scoreBase = async () => {
      const { seconds } = await pool.do(baseTask(place("base"), start, files.test));
      return { ...(await readScores(join(out, "base"))), seconds };
    };
    const [grade, base] = await Promise.all([
      pool.do(gradeTask(place("difficulty"), start, files.pairs, graded)),
      scoreBase(),
    ]);
    progress.finish("difficulty", `${grade.pairs} pairs in ${grade.stages.length} stages`);
    progress.finish("base", summaryOf(base.result));
    const train = async (method: Method): Promise<TrainedMethod> => {
      const { name, settingsOf } = method;
      const directory = join(out, name);
      const learningRate = learningRateOf(recipe, settingsOf);
      const training = { method, seed, learningRate, epochs: recipe.epochs, graded: grade.graded };
      const task = runTask(directory, start, recipe, { ...training, scenes: files.test, when: "each-stage" });
      const { telemetry, seconds } = await pool.do(task);
      const stages: ModelScores[] = [];
      for (let stage = 0; stage <= lastStage(method); stage++) stages.push(await readScores(directory, stage));
      progress.finish(name, summaryOf((stages.at(-1) as ModelScores).result));
      return { name, stages, seconds, training: await readTraining(directory, name, telemetry) };
    };
    // The longest first, so that the workers end together.
    const order = [...SHOWN].sort((a, b) => b.stages - a.stages);
    const trained = await Promise.all(order.map(train));
    return { grade, base, methods: SHOWN.flatMap(({ name }) => trained.filter((method) => method.name === name)) };
  } finally {
    await pool.stop();
  }
}

function demoKey({ recipe, seed, testScenes = SCENES.test }: DemoOptions, start: Start): string {
  const settings = JSON.stringify({
    format: 3,
    version: packageVersion(),
    model: start.weightsSha256,
    recipe,
    seed,
    testScenes,
  });
  return createHash("sha256").update(settings).digest("hex");
}

async function readKey(out: string): Promise<string | undefined> {
  try {
    return await readFile(join(out, "result.key"), "utf8");
  } catch {
    return undefined;
  }
}
