import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compareResults } from "../evaluation/compare.js";
import { readEvalResult, type Scores } from "../evaluation/eval-result.js";
import { readResult, writeResult, type StudyResult } from "../report/study-result.js";
import { packageVersion } from "../package-root.js";
import { writeAtomically } from "../files/write-atomically.js";
import { evaluationScenes, followDrawing, SCENES, trainingPairs } from "./data-files.js";
import type { DataFile, ScoresResult } from "./job.js";
import { METHODS, type Method } from "./method.js";
import { openPool } from "./open-pool.js";
import type { Progress } from "../progress/progress.js";
import { learningRateOf, trainingSettings, type Recipe } from "./recipe.js";
import { type DemoParts, writeDemoReport } from "./demo-report.js";
import { summaryOf } from "./score-text.js";
import { baseModel } from "./base-model.js";
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
 * `result.json` and `report.html`. A finished result for the same settings is shown again; an interrupted one goes on.
 */
export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const model = await baseModel();
  const { out, recipe, seed } = options;
  const resultPath = join(out, "result.json");
  const reportPath = join(out, "report.html");
  const key = demoKey(options, model);
  if (existsSync(reportPath) && (await readKey(out)) === key) {
    return { result: await readResult(resultPath), resultPath, reportPath, found: true };
  }
  const started = performance.now();
  const { progress } = options;
  await makeFolder(out);
  const draw = followDrawing(progress, options.signal);
  const data = join(out, "data");
  const test = await evaluationScenes(data, "test", draw, options.testScenes);
  const pairs = await trainingPairs(data, { seed, count: recipe.pairs, questionRate: recipe.question_rate }, draw);
  progress.finish("scenes", "drawn");
  const drawn = performance.now();

  const parts = await trainAndScore(options, { test, pairs, data, model });
  const { grade, base, methods } = parts;
  const read = async (name: string, { result }: ScoresResult) => ({ name, result: await readEvalResult(result) });
  const before = await read("base", base);
  const models: Record<string, Scores> = { base: base.scores };
  const comparisons: NonNullable<StudyResult["comparisons"]> = {};
  for (const [name, method] of methods) {
    models[name] = method.scores;
    const { metrics } = compareResults(before, await read(name, method));
    comparisons[name] = Object.fromEntries(metrics.map((metric) => [metric.name, metric]));
  }
  const timed = Object.fromEntries([...methods].map(([name, { seconds }]) => [name, seconds.train + seconds.evaluate]));
  const result: StudyResult = {
    seed,
    threads: recipe.threads,
    test_scenes: before.result.bootstrap?.images ?? 0,
    pairs: grade.pairs,
    models,
    stages: [...methods].flatMap(([method, { stages }]) =>
      stages.map(({ stage: name, scores }, stage) => ({ method, name, stage, scores })),
    ),
    comparisons,
    seconds: {
      scenes: (drawn - started) / 1000,
      difficulty: grade.seconds,
      base: base.seconds.evaluate,
      ...timed,
      this_call: (performance.now() - started) / 1000,
    },
  };
  await writeResult(resultPath, result);
  await writeDemoReport(reportPath, {
    result,
    parts,
    scenesPath: test.path,
    recipe,
    directory: (method) => join(out, method),
    versions: base.versions,
    device: base.device,
  });
  // The key comes last: a result without it is not finished.
  await writeAtomically(join(out, "result.key"), key);
  return { result, resultPath, reportPath, found: false };
}

async function trainAndScore(
  options: DemoOptions,
  files: { test: DataFile; pairs: DataFile; data: string; model: DataFile },
): Promise<DemoParts> {
  const { out, recipe, seed, progress } = options;
  const pool = openPool(options);
  const scored = (result: ScoresResult, name: string): ScoresResult => {
    progress.finish(name, summaryOf(result.scores));
    return result;
  };
  try {
    const graded = join(files.data, `pairs-${recipe.pairs}-seed-${seed}-graded.parquet`);
    const grading = pool.do({
      kind: "grade",
      name: "difficulty",
      directory: join(out, "difficulty"),
      model: files.model,
      pairs: files.pairs,
      graded,
    });
    const basing = pool.do({
      kind: "evaluate",
      name: "base",
      directory: join(out, "base"),
      model: files.model,
      scenes: files.test,
      split: "test",
    });
    const [grade, baseResult] = await Promise.all([grading, basing]);
    progress.finish("difficulty", `${grade.pairs} pairs in ${grade.stages.length} stages`);
    const base = scored(baseResult, "base");
    // The longest job first, so that the workers end together.
    const order = [...SHOWN].sort((a, b) => b.stages - a.stages);
    const results = await Promise.all(
      order.map(async ({ name, settingsOf }) => {
        const result = await pool.do({
          kind: "method",
          name,
          directory: join(out, name),
          method: name,
          model: files.model,
          graded: grade.graded,
          scenes: files.test,
          split: "test",
          stageScenes: files.test,
          learningRate: learningRateOf(recipe, settingsOf),
          epochs: recipe.epochs,
          settings: trainingSettings(recipe),
          seed,
        });
        return [name, scored(result, name)] as const;
      }),
    );
    const byName = new Map(results);
    return { grade, base, methods: new Map(SHOWN.map(({ name }) => [name, byName.get(name) as ScoresResult])) };
  } finally {
    await pool.stop();
  }
}

function demoKey({ recipe, seed, testScenes = SCENES.test }: DemoOptions, model: DataFile): string {
  const settings = JSON.stringify({
    format: 2,
    version: packageVersion(),
    model: model.sha256,
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
