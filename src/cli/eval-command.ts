import { markedChart } from "./own-files.js";
import { basename } from "node:path";
import { UserError } from "../errors.js";
import type { Benchmark, Mode } from "../evaluation/benchmark.js";
import { checkFiles } from "../evaluation/benchmark-files.js";
import { compareResults, type NamedResult } from "../evaluation/compare.js";
import { evalResultJson, readEvalResult, writeEvalResult, writeResultFile } from "../evaluation/eval-result.js";
import { judgeFromOptions, type JudgeOptions } from "../evaluation/judge.js";
import { BENCHMARKS, benchmarkNamed } from "../evaluation/registry.js";
import { score } from "../evaluation/score.js";
import { tradeOffSvg } from "../report/eval-trade-off.js";
import { showProgress } from "../progress/progress.js";
import { optionPairs } from "./option-values.js";
import { benchmarkText, comparisonText, resultText } from "./eval-tables.js";

/** What the command line says to `scpo eval score`. */
export interface EvalScoreOptions extends JudgeOptions {
  benchmark: string;
  annotations?: string | undefined;
  answers: string;
  mode?: Mode | undefined;
  /** `name=value`. */
  option: readonly string[];
  /** `name=field`, for answers in an unknown layout. */
  map: readonly string[];
  /** Markers of reasoning, or "none". */
  reasoning?: string | undefined;
  out?: string | undefined;
  json: boolean;
  signal: AbortSignal;
}

/** `scpo eval score`: scores an answer file. */
export async function evalScore(options: EvalScoreOptions): Promise<void> {
  const benchmark = benchmarkNamed(options.benchmark);
  const annotations = options.annotations ?? annotationsUnneeded(benchmark);
  const { judgeUrl, judgeModel, judgeCache, judgeConcurrency, judgeSettings, signal } = options;
  const judge = judgeFromOptions(
    { judgeUrl, judgeModel, judgeCache, judgeConcurrency, judgeSettings },
    process.env,
    signal,
  );
  // Only a judge takes long enough for progress to be of use.
  const progress = benchmark.judged ? showProgress() : undefined;
  const request = {
    ...{ benchmark, annotations, judge },
    answers: options.answers,
    mode: options.mode,
    ...{ reasoning: options.reasoning, map: options.map },
    options: optionPairs(options.option),
    onProgress(rows: number) {
      signal.throwIfAborted();
      progress?.update(benchmark.name, "answers judged", rows, rows);
    },
  };
  const result = await score(request).finally(() => progress?.close());
  if (options.out !== undefined) await writeEvalResult(options.out, result);
  process.stdout.write(options.json ? evalResultJson(result) : `${resultText(result, benchmark)}\n`);
}

function annotationsUnneeded(benchmark: Benchmark): string {
  if (benchmark.files.every((file) => file.optional === true)) return "";
  throw new UserError(
    `--annotations is missing; name the folder with the files of ${benchmark.name} ` +
      `(scpo eval benchmarks ${benchmark.name} says which and where to get them)`,
  );
}

/** `scpo eval compare`: compares results with the first of them. */
export async function evalCompare(
  paths: readonly string[],
  options: { json: boolean; plot?: string | undefined },
): Promise<void> {
  const results: NamedResult[] = [];
  for (const name of paths) results.push({ name, result: await readEvalResult(name) });
  const [first, ...others] = results as [NamedResult, ...NamedResult[]];
  const comparisons = others.map((other) => compareResults(first, other));
  const names = shortNames(paths);
  if (options.plot !== undefined) {
    const svg = tradeOffSvg(results.map(({ result }, at) => ({ name: names[at] as string, result })));
    await writeResultFile(options.plot, markedChart(svg));
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(comparisons.length === 1 ? comparisons[0] : comparisons, null, 2)}\n`);
    return;
  }
  const [a] = names as [string];
  const texts = comparisons.map((comparison, at) => comparisonText(comparison, { a, b: names[at + 1] as string }));
  process.stdout.write(`${texts.join("\n\n")}\n`);
}

/** File names without their ending, where they tell the files apart. */
function shortNames(paths: readonly string[]): string[] {
  const short = paths.map((path) => basename(path).replace(/\.json$/i, ""));
  return new Set(short).size === short.length ? short : [...paths];
}

/** `scpo eval benchmarks`: lists what is supported, or checks the files of one. */
export async function evalBenchmarks(
  name: string | undefined,
  options: { annotations?: string | undefined; json: boolean },
): Promise<void> {
  const benchmarks = name === undefined ? BENCHMARKS : [benchmarkNamed(name)];
  const { annotations } = options;
  if (annotations !== undefined && name === undefined) {
    throw new UserError(
      "--annotations checks the files of one benchmark; name it, for example: scpo eval benchmarks pope",
    );
  }
  const listed = [];
  for (const benchmark of benchmarks) {
    listed.push({
      benchmark,
      checks: annotations === undefined ? undefined : await checkFiles(benchmark, annotations),
    });
  }
  if (options.json) {
    const facts = listed.map(({ benchmark, checks }) => ({ ...described(benchmark), ...(checks && { checks }) }));
    process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
  } else {
    process.stdout.write(`${listed.map(({ benchmark, checks }) => benchmarkText(benchmark, checks)).join("\n\n")}\n`);
  }
  const wrong = listed.flatMap(({ checks }) => checks ?? []).filter(({ problem }) => problem !== null);
  if (wrong.length > 0) {
    const files = wrong.map(({ file, found, problem }) => `${found ?? file.path} ${problem}`).join(", ");
    throw new UserError(`${annotations}: ${files}; get the files from ${benchmarks[0]?.source.repository}`);
  }
}

/** What is data about a benchmark. */
function described(benchmark: Benchmark): object {
  const { name, title, measures, source, files, defects, defaultMode, answers, options, judged } = benchmark;
  const runs = benchmark.prompts !== undefined && benchmark.answerRow !== undefined;
  return { name, title, measures, source, files, defects, defaultMode, answers, options, judged, runs };
}
