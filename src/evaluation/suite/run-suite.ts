import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { bootEmbedded } from "../../backend/embedded.js";
import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { makeFolder } from "../../files/writable.js";
import { removeLeftovers, temporaryBeside, writeAtomically } from "../../files/write-atomically.js";
import type { Metric } from "../benchmark.js";
import { compareResults } from "../compare.js";
import { type EvalResult, evalResultJson, readEvalResult } from "../eval-result.js";
import { endpointFromOptions, runEndpoint } from "../run/endpoint.js";
import { imageFolder } from "../run/images.js";
import { prepareQuestions, prepareRun, type QuestionRequest, runBenchmark } from "../run/run-benchmark.js";
import { score } from "../score.js";
import type { Suite, SuiteBenchmark, SuiteModel } from "./suite-file.js";
import { latexTable, MARKS, markdownTable, type SuiteCell, type SuiteTable } from "./suite-table.js";

/** What a suite needs besides its file. */
export interface SuiteOptions {
  /** Finds the folder of a model as the file names it. */
  modelFolder: (text: string) => string;
  environment?: NodeJS.ProcessEnv;
  threads: number;
  /** Hears who answers what, and how far. */
  onProgress?: (model: string, benchmark: string, phase: string, done: number, total: number) => void;
  signal: AbortSignal;
}

/**
 * Has every model answer every benchmark, scores and compares, and writes the tables. Interrupted at any moment, the
 * same suite goes on: answers that are there are not asked for again.
 *
 * @param suite - Models and benchmarks.
 * @returns The table, which lies as `table.md` and `table.tex` in the suite's folder.
 * @throws UserError as asking and scoring do; when a file that is to be written is somebody else's.
 */
export async function runSuite(suite: Suite, options: SuiteOptions): Promise<SuiteTable> {
  const { out, models, benchmarks } = suite;
  const paths = { markdown: join(out, "table.md"), latex: join(out, "table.tex") };
  await requireOwn(paths.markdown, "table of a suite", beginsWith(MARKS.markdown));
  await requireOwn(paths.latex, "table of a suite", beginsWith(MARKS.latex));
  for (const model of models) {
    for (const benchmark of benchmarks) await requireOwn(resultPath(suite, model, benchmark), "result", isResult);
  }
  await makeFolder(out);
  const results: EvalResult[][] = [];
  for (const model of models) results.push(await answerAll(suite, model, options));
  const cells = results.map((ofModel, row) =>
    ofModel.map((result, column): SuiteCell => {
      if (row === 0) return { result };
      const first = { name: models[0]?.name ?? "", result: results[0]?.[column] as EvalResult };
      return { result, comparison: compareResults(first, { name: models[row]?.name ?? "", result }) };
    }),
  );
  const columns = benchmarks.map((benchmark, column) => ({
    name: benchmark.name,
    metrics: metricsOf(benchmark, results[0]?.[column] as EvalResult),
  }));
  const table = { models: models.map(({ name }) => name), columns, cells };
  await writeAtomically(paths.markdown, markdownTable(table));
  await writeAtomically(paths.latex, latexTable(table));
  return table;
}

function resultPath({ out }: Suite, model: SuiteModel, { name }: SuiteBenchmark): string {
  return join(out, name, `${model.name}.json`);
}

async function answerAll(suite: Suite, model: SuiteModel, options: SuiteOptions): Promise<EvalResult[]> {
  const { out, benchmarks } = suite;
  const results: EvalResult[] = [];
  await removeLeftovers(join(out, model.name));
  const logPath = temporaryBeside(join(out, model.name), "log");
  const ask = await asker(model, benchmarks, { ...options, logPath });
  try {
    for (const asked of benchmarks) {
      const { benchmark, annotations, mode, name } = asked;
      const folder = join(out, name);
      await makeFolder(folder);
      const answers = join(folder, `${model.name}-answers${benchmark.answers === "text-folder" ? "" : ".jsonl"}`);
      await ask.ask(asked, answers);
      const result = await score({ benchmark, annotations, answers, mode, options: asked.options });
      await writeAtomically(resultPath(suite, model, asked), evalResultJson(result));
      results.push(result);
    }
  } finally {
    await ask.close();
  }
  // Kept where something went wrong.
  await rm(logPath, { force: true });
  return results;
}

interface Asker {
  ask(asked: SuiteBenchmark, out: string): Promise<void>;
  close(): Promise<void>;
}

async function asker(
  model: SuiteModel,
  benchmarks: readonly SuiteBenchmark[],
  options: SuiteOptions & { logPath: string },
): Promise<Asker> {
  const { signal, environment = process.env } = options;
  const progressOf = (asked: SuiteBenchmark) => (phase: string, done: number, total: number) => {
    signal.throwIfAborted();
    options.onProgress?.(model.name, asked.name, phase, done, total);
  };
  if ("model" in model) {
    const folder = options.modelFolder(model.model);
    const images = benchmarks.map((asked) => imageFolder(asked.benchmark, asked.annotations, asked.images, "images"));
    const trainer = await bootEmbedded({
      roots: [folder, ...images],
      logPath: options.logPath,
      threads: options.threads,
    });
    return {
      async ask(asked, out) {
        const onProgress = progressOf(asked);
        const request = { ...requestOf(asked, out), model: folder, batchSize: asked.batchSize };
        await runBenchmark(trainer, await prepareRun(request, onProgress), { onProgress, signal });
      },
      close: () => trainer.stop(),
    };
  }
  const endpoint = endpointFromOptions(
    {
      url: model.endpoint_url,
      model: model.endpoint_model,
      concurrency: model.endpoint_concurrency?.toString(),
      settings: model.endpoint_settings === undefined ? undefined : JSON.stringify(model.endpoint_settings),
    },
    environment,
    signal,
  );
  if (endpoint === undefined) throw new Error(`model ${model.name} names no endpoint`);
  return {
    async ask(asked, out) {
      const onProgress = progressOf(asked);
      await runEndpoint(await prepareQuestions(requestOf(asked, out), onProgress), endpoint, { onProgress, signal });
    },
    close: () => Promise.resolve(),
  };
}

function requestOf(asked: SuiteBenchmark, out: string): QuestionRequest {
  const { benchmark, annotations, images, maxNewTokens, imageList, options, promptSuffix } = asked;
  const sample = asked.sample === undefined ? undefined : { images: asked.sample, seed: 0 };
  return { benchmark, annotations, images, out, maxNewTokens, sample, imageList, options, promptSuffix };
}

function metricsOf({ name, metrics }: SuiteBenchmark, { about }: EvalResult): Metric[] {
  if (metrics === undefined) return about.slice(0, 1);
  return metrics.map((wanted) => {
    const found = about.find((metric) => metric.name === wanted);
    if (found !== undefined) return found;
    throw new UserError(`metric ${shown(wanted)} is none of ${name}: ${about.map((metric) => metric.name).join(", ")}`);
  });
}

async function requireOwn(path: string, what: string, isOwn: (path: string) => Promise<boolean>): Promise<void> {
  if (!existsSync(path) || (await isOwn(path))) return;
  throw new UserError(`${path}: is no ${what}, and is not written over; name another out, or move it`);
}

function beginsWith(mark: string): (path: string) => Promise<boolean> {
  return async (path) => (await readFile(path, "utf8").catch(() => "")).startsWith(mark);
}

async function isResult(path: string): Promise<boolean> {
  return readEvalResult(path).then(
    () => true,
    () => false,
  );
}
