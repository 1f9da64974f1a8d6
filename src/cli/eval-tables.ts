import type { Benchmark, Metric } from "../evaluation/benchmark.js";
import type { FileCheck } from "../evaluation/benchmark-files.js";
import type { EvalComparison } from "../evaluation/compare.js";
import type { EvalResult } from "../evaluation/eval-result.js";
import type { Interval } from "../numbers/statistics.js";

const UNDEFINED = "undefined";
/** Which way a metric improves, as a table says it. */
const ARROWS = { higher: "higher is better", lower: "lower is better", neither: "" } as const;

/**
 * A result for people: figures with their intervals, and how they came about.
 *
 * @param result - What was found.
 * @param benchmark - What was measured.
 * @returns Lines without an end of the last.
 */
export function resultText(result: EvalResult, benchmark: Benchmark): string {
  const rows = result.about.map((metric) => [
    metric.name,
    shown(result.metrics[metric.name] ?? null, metric),
    intervalText(result.interval[metric.name] ?? null, metric),
    [metric.title, ARROWS[metric.better]].filter((part) => part !== "").join("; "),
  ]);
  const images = result.bootstrap?.images;
  return [
    `${benchmark.title}, ${modeText(result, benchmark)}, n = ${result.n}${images === undefined ? "" : ` (${images} images)`}`,
    ...table([["metric", "figure", "95 % by image", "what it says"], ...rows]),
    ...Object.entries(result.settings).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(result.inputs).map(([name, hash]) => `${name}: sha256 ${hash.slice(0, 16)}...`),
    ...result.notes.map((note) => `note: ${note}`),
  ].join("\n");
}

function modeText({ mode }: EvalResult, benchmark: Benchmark): string {
  if (mode === "strict") return "strict mode (as the official script, quirks included)";
  return benchmark.defects.length === 0 ? "fixed mode" : "fixed mode (official defects mended)";
}

/**
 * A comparison for people.
 *
 * @param comparison - Of two results.
 * @param names - What to call them.
 * @returns Lines without an end of the last.
 */
export function comparisonText(comparison: EvalComparison, names: { a: string; b: string }): string {
  const rows = comparison.metrics.map((metric) => [
    metric.name,
    shown(metric.a, metric),
    shown(metric.b, metric),
    metric.difference === null ? UNDEFINED : signed(metric.difference, metric.digits),
    metric.interval === null ? "" : `[${metric.interval.map((end) => signed(end, metric.digits)).join(", ")}]`,
    metric.p === null ? "" : metric.p < 0.001 ? "< 0.001" : metric.p.toFixed(3),
    ARROWS[metric.better],
  ]);
  const { benchmark, mode, images, resamples } = comparison;
  return [
    `${benchmark}, ${mode} mode, ${images} images, ${resamples} paired resamples; difference = ${names.b} - ${names.a}`,
    ...table([["metric", names.a, names.b, "difference", "95 %", "p", ""], ...rows]),
  ].join("\n");
}

/**
 * A benchmark for people: what it measures, where its files come from, what is mended.
 *
 * @param benchmark - Which.
 * @param checks - Of its files in a folder; absent where none was named.
 * @returns Lines without an end of the last.
 */
export function benchmarkText(benchmark: Benchmark, checks?: readonly FileCheck[]): string {
  const { source } = benchmark;
  return [
    `${benchmark.name}: ${benchmark.title} (${source.paper})`,
    `  measures: ${benchmark.measures}`,
    `  files:    ${source.repository}, revision ${source.revision}`,
    ...benchmark.files.map((file, at) => `    ${fileText(file, checks?.[at])}`),
    `  answers:  ${{ jsonl: "JSON lines", "json-array": "a JSON array", "text-folder": "a folder of .txt files" }[benchmark.answers]}` +
      (benchmark.judged ? ", judged by a model (--judge-url, --judge-model)" : ""),
    ...Object.entries(benchmark.options).map(([name, meaning]) => `  option:   ${name}=... ${meaning}`),
    `  mode:     ${benchmark.defaultMode} by default`,
    ...benchmark.defects.flatMap(({ official, fixed }) => [`    strict: ${official}`, `    fixed:  ${fixed}`]),
  ].join("\n");
}

function fileText(file: Benchmark["files"][number], check: FileCheck | undefined): string {
  const facts = [
    file.holds,
    ...(file.bytes === undefined ? [] : [`${file.bytes} bytes`]),
    ...(file.sha256 === undefined ? [] : [`sha256 ${file.sha256.slice(0, 12)}...`]),
    ...(file.optional === true ? ["optional"] : []),
  ].join(", ");
  const state = check === undefined ? "" : `[${check.problem ?? (check.found === null ? "absent" : "ok")}] `;
  return `${state}${file.path}: ${facts}`;
}

/** A figure with the digits that its benchmark prints. */
function shown(value: number | null, { digits }: Metric): string {
  return value === null ? UNDEFINED : value.toFixed(digits);
}

function intervalText(interval: Interval | null, { digits }: Metric): string {
  return interval === null ? "" : `${interval[0].toFixed(digits)} to ${interval[1].toFixed(digits)}`;
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : Number(text) === 0 ? (0).toFixed(digits) : text;
}

function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] as number))
      .join("  ")
      .trimEnd(),
  );
}
