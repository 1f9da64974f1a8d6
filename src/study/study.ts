import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SceneComparison } from "../evaluation/scene-comparison.js";
import { scoreKinds } from "../evaluation/question-kinds.js";
import type { SceneAnswer, SceneTruth } from "../evaluation/scene-answers.js";
import { scoreTallies, type SceneScores } from "../evaluation/scene-scores.js";
import { TALLY_COUNTS, type SceneTally } from "../evaluation/scene-tally.js";
import { drawResamples } from "../numbers/statistics.js";
import type { Agreement } from "../difficulty/agreement.js";
import { writeAtomically } from "../files/write-atomically.js";
import { compareModels, readAnswers, readTallies } from "./comparison.js";
import { readTruth } from "./scene-truth.js";
import { evaluationScenes, followDrawing, trainingPairs } from "./data-files.js";
import { summaryOf } from "./score-text.js";
import { baseModel } from "./base-model.js";
import { BOOTSTRAP_SEED } from "./evaluate-model.js";
import type { DataFile, GradeResult, MethodJob, ScoresResult } from "./job.js";
import { ABLATIONS, METHODS, type Method, methodNamed } from "./method.js";
import { openPool } from "./open-pool.js";
import type { Progress } from "../progress/progress.js";
import { learningRateOf, type Recipe, trainingSettings, writeRecipe } from "./recipe.js";
import { best, choose, type Candidate, type Choice } from "./search.js";
import type { WorkerPool } from "./worker-pool.js";

/** Seeds of the figures on test; the search uses another, so that no choice was made on their pairs. */
const SEEDS = [1, 2, 3] as const;
const SEARCH_SEED = 100;

/** What is tried for every searched method alike. */
const SEARCH = { learningRates: [5e-5, 1e-4, 1.5e-4, 2e-4, 3e-4, 4e-4], epochs: [1] } as const;
/** Shares of pairs that are phrased as questions, tried with one method at one rate before the grid. */
const QUESTION_SEARCH = { rates: [0, 0.25, 0.5], method: "scpo", learningRate: 2e-4, epochs: 1 } as const;

/** One method on test: every seed, and all seeds together with intervals by scene. */
export interface MethodSummary {
  title: string;
  bySeed: { seed: number; scores: SceneScores }[];
  /** Counts of all seeds summed scene by scene. */
  together: SceneScores;
  againstBase: SceneComparison;
}

/** Everything that the study found, as `study.json` holds it. */
export interface StudyOutcome {
  search: {
    base: SceneScores;
    /** What came of each share of question-phrased pairs. */
    questions: (Candidate & { questionRate: number })[];
    candidates: Candidate[];
    choice: Choice;
  };
  base: SceneScores;
  methods: Record<string, MethodSummary>;
  ablations: Record<string, MethodSummary>;
  /** scpo against other methods on test, by the other's name: positive differences mean that scpo has more. */
  scpoAgainst: Record<string, SceneComparison>;
  /** How well difficulty foretells the base model's errors, by the seed of the pairs. */
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
export async function runStudy(options: StudyOptions): Promise<StudyOutcome> {
  const { out, recipe } = options;
  await mkdir(out, { recursive: true });
  const pool = openPool(options);
  try {
    const bench = await prepare(pool, options);
    const questions = await searchQuestionRate(pool, options, bench);
    const { questionRate } = best(questions, bench.base.validation.scores);
    const grades = await gradeSets(pool, options, bench.model, [SEARCH_SEED, ...SEEDS], questionRate);
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

/** What every job needs: scenes and the base model's scores. */
interface Bench {
  model: DataFile;
  scenes: Record<"validation" | "test", DataFile>;
  base: Record<"validation" | "test", ScoresResult>;
}

/** A bench with graded pairs by seed. */
interface GradedBench extends Bench {
  grades: ReadonlyMap<number, GradeResult>;
}

async function prepare(pool: WorkerPool, { out, progress, signal }: StudyOptions): Promise<Bench> {
  const data = join(out, "data");
  const model = await baseModel();
  const report = followDrawing(progress, signal);
  const scenes = {
    validation: await evaluationScenes(data, "validation", report),
    test: await evaluationScenes(data, "test", report),
  };
  const baseOn = async (split: "validation" | "test") => {
    const name = `base-${split}`;
    const directory = join(out, name);
    const result = await pool.do({ kind: "evaluate", model, name, directory, scenes: scenes[split], split });
    progress.finish(name, summaryOf(result.scores));
    return result;
  };
  const [validation, test] = await Promise.all([baseOn("validation"), baseOn("test")]);
  return { model, scenes, base: { validation, test } };
}

/** Draws the pairs of these seeds and grades them with the base model. */
async function gradeSets(
  pool: WorkerPool,
  { out, recipe, progress, signal }: StudyOptions,
  model: DataFile,
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
    const result = await pool.do({ kind: "grade", model, name, directory: join(out, name), pairs, graded });
    progress.finish(name, `${result.pairs} pairs`);
    return [seed, result] as const;
  };
  return new Map(await Promise.all(seeds.map(grade)));
}

async function searchQuestionRate(
  pool: WorkerPool,
  options: StudyOptions,
  bench: Bench,
): Promise<StudyOutcome["search"]["questions"]> {
  const { learningRate, epochs } = QUESTION_SEARCH;
  const method = methodNamed(QUESTION_SEARCH.method);
  return Promise.all(
    QUESTION_SEARCH.rates.map(async (questionRate) => {
      const grades = await gradeSets(pool, options, bench.model, [SEARCH_SEED], questionRate);
      const setting = { method, epochs, learningRate, seed: SEARCH_SEED, split: "validation" as const };
      const job = methodJob(options, { ...bench, grades }, setting, `questions-${100 * questionRate}`);
      const { scores } = await pool.do(job);
      options.progress.finish(job.name, summaryOf(scores));
      return { method: method.name, learningRate, epochs, questionRate, scores };
    }),
  );
}

function methodJob(
  { out, recipe }: StudyOptions,
  bench: GradedBench,
  job: { method: Method; seed: number; learningRate: number; epochs: number; split: "validation" | "test" },
  variant?: string,
): MethodJob {
  const { method, seed, learningRate, epochs, split } = job;
  const name =
    split === "test"
      ? `${method.name}-seed-${seed}`
      : `${method.name}-${variant ?? `lr-${learningRate.toExponential()}-epochs-${epochs}`}`;
  const grade = bench.grades.get(seed);
  if (grade === undefined) throw new Error(`no graded pairs for seed ${seed}`);
  return {
    kind: "method",
    name,
    directory: join(out, split === "test" ? "test" : "search", name),
    method: method.name,
    model: bench.model,
    graded: grade.graded,
    scenes: bench.scenes[split],
    split,
    learningRate,
    epochs,
    settings: trainingSettings(recipe),
    seed,
  };
}

async function searchSettings(
  pool: WorkerPool,
  options: StudyOptions,
  bench: GradedBench,
): Promise<Omit<StudyOutcome["search"], "questions">> {
  const grid = METHODS.flatMap((method) =>
    SEARCH.epochs.flatMap((epochs) => SEARCH.learningRates.map((learningRate) => ({ method, epochs, learningRate }))),
  );
  const candidates = await Promise.all(
    grid.map(async ({ method, epochs, learningRate }): Promise<Candidate> => {
      const job = methodJob(options, bench, { method, epochs, learningRate, seed: SEARCH_SEED, split: "validation" });
      const { scores } = await pool.do(job);
      options.progress.finish(job.name, summaryOf(scores));
      return { method: method.name, learningRate, epochs, scores };
    }),
  );
  const base = bench.base.validation.scores;
  return { base, candidates, choice: choose(candidates, base) };
}

async function compareOnTest(
  pool: WorkerPool,
  options: StudyOptions,
  bench: GradedBench,
  recipe: Recipe,
): Promise<Pick<StudyOutcome, "base" | "methods" | "ablations" | "scpoAgainst" | "difficulty">> {
  const truth = await readTruth(bench.scenes.test.path);
  const base = await readTallies(truth, bench.base.test.answers);
  // As many copies of the base's counts as there are seeds, so that sums stand beside sums.
  const baseTogether = sumByScene(SEEDS.map(() => base));
  const together = new Map<string, SceneTally[]>();
  const resamples = drawResamples(truth.length, { seed: BOOTSTRAP_SEED });
  const summarise = async (method: Method): Promise<readonly [string, MethodSummary]> => {
    const learningRate = learningRateOf(recipe, method.settingsOf);
    const runs = await Promise.all(
      SEEDS.map(async (seed) => {
        const job = methodJob(options, bench, { method, seed, learningRate, epochs: recipe.epochs, split: "test" });
        const { scores, answers } = await pool.do(job);
        options.progress.finish(job.name, summaryOf(scores));
        return { seed, scores, tallies: await readTallies(truth, answers), answers: await readAnswers(answers) };
      }),
    );
    const tallies = sumByScene(runs.map((run) => run.tallies));
    together.set(method.name, tallies);
    const summary: MethodSummary = {
      title: method.title,
      bySeed: runs.map(({ seed, scores }) => ({ seed, scores })),
      together: {
        ...scoreTallies(tallies, resamples),
        by_kind: scoreKinds(
          truth.map((scene) => repeated(scene, runs.length)),
          joinByScene(runs.map((run) => run.answers)),
          resamples,
        ),
      },
      againstBase: compareModels(baseTogether, tallies),
    };
    return [method.name, summary];
  };
  const [methods, ablations] = await Promise.all([
    Promise.all(METHODS.map(summarise)),
    Promise.all(ABLATIONS.map(summarise)),
  ]);
  const scpo = together.get("scpo") as SceneTally[];
  const others = [...together].filter(([name]) => name !== "scpo");
  return {
    base: bench.base.test.scores,
    methods: Object.fromEntries(methods),
    ablations: Object.fromEntries(ablations),
    scpoAgainst: Object.fromEntries(others.map(([name, tallies]) => [name, compareModels(tallies, scpo)])),
    difficulty: Object.fromEntries([...bench.grades].map(([seed, { agreement }]) => [seed, agreement])),
  };
}

function sumByScene(models: readonly (readonly SceneTally[])[]): SceneTally[] {
  const [first, ...rest] = models;
  return (first ?? []).map((tally, scene) => {
    const sum = { ...tally };
    for (const model of rest) for (const count of TALLY_COUNTS) sum[count] += (model[scene] as SceneTally)[count];
    return sum;
  });
}

// As many copies of a scene's questions as there are seeds, so that all seeds' answers stand beside them.
function repeated(scene: SceneTruth, times: number): SceneTruth {
  const { questions, answers, kinds = [] } = scene;
  const copies = <Value>(values: readonly Value[]) => Array.from({ length: times }, () => values).flat();
  return { ...scene, questions: copies(questions), answers: copies(answers), kinds: copies(kinds) };
}

function joinByScene(models: readonly (readonly SceneAnswer[])[]): SceneAnswer[] {
  const [first, ...rest] = models;
  return (first ?? []).map((answer, scene) => ({
    ...answer,
    answers: [answer, ...rest.map((model) => model[scene] as SceneAnswer)].flatMap(({ answers }) => answers),
  }));
}
