import { join, resolve } from "node:path";
import type { Scored } from "../evaluation/benchmark.js";
import type { Difference } from "../evaluation/compare.js";
import type { Scores } from "../evaluation/eval-result.js";
import { bootstrapSheet, intervals } from "../evaluation/sheet-bootstrap.js";
import type { Agreement } from "../difficulty/agreement.js";
import { writeAtomically } from "../files/write-atomically.js";
import { evaluationScenes, followDrawing, trainingPairs } from "./data-files.js";
import { summaryOf } from "./score-text.js";
import type { DataFile, GradeResult, RunTask } from "./task.js";
import { ABLATIONS, COMPARED, METHODS, type Method, methodNamed } from "./method.js";
import type { Progress } from "../progress/progress.js";
import { learningRateOf, type Recipe, writeRecipe } from "./recipe.js";
import { best, choose, type Candidate, type SearchChoice } from "./search.js";
import { compareSeeds, scoreSeeds } from "./seed-scores.js";
import { TaskPool } from "./task-pool.js";
import { countAnswers, type ModelScores, readScores } from "./model-scores.js";
import { baseTask, gradeTask, lastStage, runTask, type Start, startFrom } from "./tasks.js";
import { makeFolder } from "../files/writable.js";

/** Seeds of the figures on test; the search uses another, so that no choice was made on their pairs. */
const SEEDS = [1, 2, 3] as const;
const SEARCH_SEED = 100;

/** What is tried for every searched method alike. */
const SEARCH = { learningRates: [1e-4, 1.5e-4, 2e-4, 3e-4, 4e-4, 6e-4], epochs: [1] } as const;
/** Shares of pairs that are phrased as questions, tried with one method at one rate before the grid. */
const QUESTION_SEARCH = { rates: [0, 0.25, 0.5], method: "scpo", learningRate: 2e-4, epochs: 1 } as const;

/** One method on test: every seed, and all seeds together with intervals over seeds and scenes. */
export interface MethodSummary {
  title: string;
  bySeed: { seed: number; scores: Scores }[];
  /** All seeds, their counts summed scene by scene. */
  together: Scores;
  againstBase: Record<string, Difference>;
}

/** Everything that the study found, as `study.json` holds it. */
export interface StudyOutcome {
  search: {
    base: Scores;
    /** What came of each share of question-phrased pairs. */
    questions: (Candidate & { questionRate: number })[];
    candidates: Candidate[];
    choice: SearchChoice;
  };
  base: Scores;
  methods: Record<string, MethodSummary>;
  ablations: Record<string, MethodSummary>;
  /** Methods on test against others: positive differences mean that the first has more. */
  comparisons: { method: string; against: string; comparison: Record<string, Difference> }[];
  /** How well difficulty predicts the base model's errors, by the seed of the pairs. */
  difficulty: Record<string, Agreement>;
  recipe: Recipe;
  /** Seconds of trainers' work, one thread each; several work at a time. */
  trainerSeconds: number;
}

/** How the study is run. */
export interface StudyOptions {
  out: string;
  /** Settings that are not searched. */
  recipe: Recipe;
  workers: number;
  progress: Progress;
  signal: AbortSignal;
}

/** Searches settings on validation scenes, then compares all methods on test scenes, and writes the recipe. */
export async function runStudy(given: StudyOptions): Promise<StudyOutcome> {
  const options = { ...given, out: resolve(given.out) };
  const { out, recipe, workers, progress, signal } = options;
  await makeFolder(out);
  const pool = new TaskPool({ workers, root: out, progress, signal });
  try {
    const bench = await prepare(pool, options);
    const questions = await searchQuestionRate(pool, options, bench);
    const { questionRate } = best(questions, bench.base.validation.scores);
    const grades = await gradeSets(pool, options, bench.start, [SEARCH_SEED, ...SEEDS], questionRate);
    const search = { ...(await searchSettings(pool, options, { ...bench, grades })), questions };
    const chosen: Recipe = {
      ...recipe,
      question_rate: questionRate,
      epochs: search.choice.epochs,
      learning_rates: search.choice.learningRates,
    };
    const outcome = await compareOnTest(pool, options, { ...bench, grades }, chosen);
    const complete = { search, ...outcome, recipe: chosen, trainerSeconds: pool.trainerSeconds };
    await writeAtomically(join(out, "study.json"), `${JSON.stringify(complete, null, 2)}\n`);
    await writeRecipe(chosen);
    return complete;
  } finally {
    await pool.stop();
  }
}

/** What a model's answers came to. */
interface Measured {
  scored: Scored;
  scores: Scores;
}

/** What every task needs: scenes and the base model's scores. */
interface Bench {
  start: Start;
  scenes: Record<"validation" | "test", DataFile>;
  base: Record<"validation" | "test", Measured>;
}

/** A bench with graded pairs by seed. */
interface GradedBench extends Bench {
  grades: ReadonlyMap<number, GradeResult>;
}

async function prepare(pool: TaskPool, { out, recipe, progress, signal }: StudyOptions): Promise<Bench> {
  const data = join(out, "data");
  const start = await startFrom(recipe);
  const report = followDrawing(progress, signal);
  const scenes = {
    validation: await evaluationScenes(data, "validation", report),
    test: await evaluationScenes(data, "test", report),
  };
  const baseOn = async (split: "validation" | "test") => {
    const name = `base-${split}`;
    const directory = join(out, name);
    await pool.do(baseTask({ name, directory }, start, scenes[split]));
    const measured = await readMeasured(scenes[split], await readScores(directory));
    progress.finish(name, summaryOf(measured.scores));
    return measured;
  };
  const [validation, test] = await Promise.all([baseOn("validation"), baseOn("test")]);
  return { start, scenes, base: { validation, test } };
}

/** Draws the pairs of these seeds and grades them with the base model. */
async function gradeSets(
  pool: TaskPool,
  { out, recipe, progress, signal }: StudyOptions,
  start: Start,
  seeds: readonly number[],
  questionRate: number,
): Promise<Map<number, GradeResult>> {
  const data = join(out, "data");
  const report = followDrawing(progress, signal);
  const grade = async (seed: number) => {
    const pairs = await trainingPairs(data, { seed, count: recipe.pairs, questionRate }, report);
    const set = `questions-${100 * questionRate}-seed-${seed}`;
    const name = `difficulty-${set}`;
    const graded = join(data, `pairs-${recipe.pairs}-${set}-graded.parquet`);
    const result = await pool.do(gradeTask({ name, directory: join(out, name) }, start, pairs, graded));
    progress.finish(name, `${result.pairs} pairs`);
    return [seed, result] as const;
  };
  return new Map(await Promise.all(seeds.map(grade)));
}

async function searchQuestionRate(
  pool: TaskPool,
  options: StudyOptions,
  bench: Bench,
): Promise<StudyOutcome["search"]["questions"]> {
  const { learningRate, epochs } = QUESTION_SEARCH;
  const method = methodNamed(QUESTION_SEARCH.method);
  return Promise.all(
    QUESTION_SEARCH.rates.map(async (questionRate) => {
      const grades = await gradeSets(pool, options, bench.start, [SEARCH_SEED], questionRate);
      const setting = { method, epochs, learningRate, seed: SEARCH_SEED, split: "validation" as const };
      const variant = `questions-${100 * questionRate}`;
      const { scores } = await trainAndScore(pool, options, { ...bench, grades }, setting, variant);
      return { method: method.name, learningRate, epochs, questionRate, scores };
    }),
  );
}

/** One training of the study. */
interface Setting {
  method: Method;
  seed: number;
  learningRate: number;
  epochs: number;
  split: "validation" | "test";
}

/** Trains a method and scores it. */
async function trainAndScore(
  pool: TaskPool,
  options: StudyOptions,
  bench: GradedBench,
  setting: Setting,
  variant?: string,
): Promise<Measured> {
  const task = taskOf(options, bench, setting, variant);
  await pool.do(task);
  const scores = await readScores(task.directory, lastStage(setting.method));
  const measured = await readMeasured(bench.scenes[setting.split], scores);
  options.progress.finish(task.name, summaryOf(measured.scores));
  return measured;
}

/** Counts answers and scores them anew, so that a training of an earlier call is scored as every other is. */
async function readMeasured(scenes: DataFile, scores: ModelScores): Promise<Measured> {
  const scored = await countAnswers(scenes, scores);
  const figures = scored.figures(scored.sheet.totals());
  const metrics = Object.fromEntries(scored.metrics.map(({ name }) => [name, figures[name] ?? null]));
  return { scored, scores: { metrics, interval: intervals(bootstrapSheet(scored)) } };
}

function taskOf({ out, recipe }: StudyOptions, bench: GradedBench, setting: Setting, variant?: string): RunTask {
  const { method, seed, learningRate, epochs, split } = setting;
  const name =
    split === "test"
      ? `${method.name}-seed-${seed}`
      : `${method.name}-${variant ?? `lr-${learningRate.toExponential()}-epochs-${epochs}`}`;
  const grade = bench.grades.get(seed);
  if (grade === undefined) throw new Error(`no graded pairs for seed ${seed}`);
  const training = { ...setting, graded: grade.graded, scenes: bench.scenes[split], when: "end" as const };
  return runTask(join(out, split === "test" ? "test" : "search", name), bench.start, recipe, training);
}

async function searchSettings(
  pool: TaskPool,
  options: StudyOptions,
  bench: GradedBench,
): Promise<Omit<StudyOutcome["search"], "questions">> {
  const grid = METHODS.flatMap((method) =>
    SEARCH.epochs.flatMap((epochs) => SEARCH.learningRates.map((learningRate) => ({ method, epochs, learningRate }))),
  );
  const candidates = await Promise.all(
    grid.map(async ({ method, epochs, learningRate }): Promise<Candidate> => {
      const setting = { method, epochs, learningRate, seed: SEARCH_SEED, split: "validation" as const };
      const { scores } = await trainAndScore(pool, options, bench, setting);
      return { method: method.name, learningRate, epochs, scores };
    }),
  );
  const base = bench.base.validation.scores;
  return { base, candidates, choice: choose(candidates, base) };
}

async function compareOnTest(
  pool: TaskPool,
  options: StudyOptions,
  bench: GradedBench,
  recipe: Recipe,
): Promise<Pick<StudyOutcome, "base" | "methods" | "ablations" | "comparisons" | "difficulty">> {
  const base = bench.base.test;
  const train = async (method: Method, seed: number): Promise<Measured & { method: Method; seed: number }> => {
    const learningRate = learningRateOf(recipe, method.settingsOf);
    const setting = { method, seed, learningRate, epochs: recipe.epochs, split: "test" as const };
    return { method, seed, ...(await trainAndScore(pool, options, bench, setting)) };
  };
  // Seed by seed, so that a study that is interrupted has whole seeds.
  const done = await Promise.all(
    SEEDS.flatMap((seed) => [...METHODS, ...ABLATIONS].map((method) => train(method, seed))),
  );
  const runsOf = (method: Method) => done.filter((run) => run.method === method);
  const scoredOf = (method: Method) => runsOf(method).map(({ scored }) => scored);
  const summaries = (methods: readonly Method[]): Record<string, MethodSummary> =>
    Object.fromEntries(
      methods.map((method) => [
        method.name,
        {
          title: method.title,
          bySeed: runsOf(method).map(({ seed, scores }) => ({ seed, scores })),
          together: scoreSeeds(scoredOf(method)),
          againstBase: compareSeeds([base.scored], scoredOf(method)),
        },
      ]),
    );
  return {
    base: scoreSeeds([base.scored]),
    methods: summaries(METHODS),
    ablations: summaries(ABLATIONS),
    comparisons: COMPARED.map(([method, against]) => ({
      method,
      against,
      comparison: compareSeeds(scoredOf(methodNamed(against)), scoredOf(methodNamed(method))),
    })),
    difficulty: Object.fromEntries([...bench.grades].map(([seed, { agreement }]) => [seed, agreement])),
  };
}
