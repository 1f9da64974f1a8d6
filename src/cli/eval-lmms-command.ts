import { existsSync } from "node:fs";
import { refuseOverInputs } from "../files/outputs.js";
import { foreign } from "./check-output.js";
import { isOwn } from "./own-files.js";
import { join, relative, resolve } from "node:path";
import { UserError } from "../errors.js";
import type { Mode } from "../evaluation/benchmark.js";
import { type EvalResult, evalResultJson, writeEvalResult } from "../evaluation/eval-result.js";
import { type LmmsEvalRequest, runLmmsEval } from "../evaluation/lmms-eval/lmms-eval.js";
import { readResultsFile } from "../evaluation/lmms-eval/results-file.js";
import { scoreTask } from "../evaluation/lmms-eval/score-task.js";
import { showProgress } from "../progress/progress.js";
import { makeFolder } from "../files/writable.js";

/** What the command line says: what to run, or which results to read. */
export interface EvalLmmsOptions extends Omit<LmmsEvalRequest, "model"> {
  /** Folder of the model, or its name on a hub. */
  model?: string | undefined;
  /** A results file of an earlier run of lmms-eval, read instead of a run. */
  results?: string | undefined;
  mode: Mode;
  /** Write over files that this program did not make. */
  force: boolean;
  json: boolean;
  signal: AbortSignal;
}

/** `scpo eval lmms`: general ability through lmms-eval, its results in our form, a file a task. */
export async function evalLmms(options: EvalLmmsOptions): Promise<void> {
  const paths = options.results === undefined ? await run(options) : [options.results];
  const results: EvalResult[] = [];
  for (const path of paths) {
    const file = await readResultsFile(path);
    if (file.tasks.length === 0) throw new UserError(`${path}: found no tasks, expected the results of at least one`);
    for (const task of file.tasks) results.push(await scoreTask(file, task, options.mode));
  }
  await makeFolder(options.out);
  const written = results.map(({ benchmark }) =>
    join(options.out, `${benchmark.replaceAll(/[^A-Za-z0-9._-]+/g, "-")}.json`),
  );
  await refuseOverInputs(
    written.map((path) => ({ flag: "--out", path })),
    paths.map((path) => ({ flag: "--results", path })),
  );
  for (const path of written) {
    if (existsSync(path) && !options.force && !(await isOwn(path, "result"))) throw foreign("--out", path);
  }
  for (const [at, result] of results.entries()) await writeEvalResult(written[at] as string, result);
  if (options.json) {
    process.stdout.write(`[\n${results.map((result) => evalResultJson(result).trimEnd()).join(",\n")}\n]\n`);
    return;
  }
  for (const result of results) process.stdout.write(table(result));
  for (const path of written) process.stdout.write(`result: ${relative(process.cwd(), path) || path}\n`);
}

async function run(options: EvalLmmsOptions): Promise<string[]> {
  const { model } = options;
  if (model === undefined) throw new UserError("model: found none, expected --model, or --results of an earlier run");
  if (options.tasks.length === 0) throw new UserError("tasks: found none, expected --tasks with names of lmms-eval");
  const progress = showProgress();
  try {
    return await runLmmsEval(
      { ...options, model, out: resolve(options.out) },
      (done, total) => progress.update("lmms-eval", options.tasks.join(", "), done, total),
      options.signal,
    );
  } finally {
    progress.close();
  }
}

function table({ benchmark, mode, n, metrics, interval, about, notes }: EvalResult): string {
  const width = Math.max(0, ...about.map(({ name }) => name.length));
  const rows = about.map(({ name, digits }) => {
    const figure = metrics[name];
    const range = interval[name];
    const text = figure === null || figure === undefined ? "undefined" : figure.toFixed(digits);
    const between = range ? `  [${range[0].toFixed(digits)}, ${range[1].toFixed(digits)}]` : "";
    return `  ${name.padEnd(width)}  ${text.padStart(9)}${between}\n`;
  });
  return `${benchmark} (${mode}, n = ${n})\n${rows.join("")}${notes.map((note) => `  note: ${note}\n`).join("")}`;
}
