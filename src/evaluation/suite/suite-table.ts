import type { Metric } from "../benchmark.js";
import type { EvalComparison } from "../compare.js";
import type { EvalResult } from "../eval-result.js";

/** What one model reached on one benchmark. */
export interface SuiteCell {
  result: EvalResult;
  /** With the first model of the suite; absent for itself. */
  comparison?: EvalComparison;
}

/** A column group of the table: a benchmark and the metrics that are shown. */
interface SuiteColumns {
  name: string;
  metrics: readonly Metric[];
}

/** The figures of all models on all benchmarks. */
export interface SuiteTable {
  models: readonly string[];
  columns: readonly SuiteColumns[];
  /** By model, then benchmark, in the orders above. */
  cells: readonly (readonly SuiteCell[])[];
}

const UNDEFINED = "undefined";
const ARROWS = { higher: " ↑", lower: " ↓", neither: "" } as const;
const LATEX_ARROWS = { higher: " $\\uparrow$", lower: " $\\downarrow$", neither: "" } as const;

/** First lines by which the files are known again. */
export const MARKS = { markdown: "<!-- made by scpo eval suite -->", latex: "% made by scpo eval suite" } as const;

/**
 * The table as Markdown: figures with 95 % intervals, and differences from the first model, bold where the interval of
 * the difference leaves zero out.
 */
export function markdownTable(table: SuiteTable): string {
  const heads = headsOf(table, ({ name, better }, benchmark) => `${benchmark} ${name}${ARROWS[better]}`);
  const rows = (text: CellText): string[] =>
    rowsOf(table, text, (bold) => `**${bold}**`).map(([model, ...cells]) => `| ${[model, ...cells].join(" | ")} |`);
  const head = [`| model | ${heads.join(" | ")} |`, `|${"---|".repeat(heads.length + 1)}`];
  const [first, ...others] = table.models;
  return [
    MARKS.markdown,
    "",
    ...[...head, ...rows(figure)],
    ...(others.length === 0 ? [] : ["", `Differences from ${first}; bold where the 95 % interval leaves 0 out:`, ""]),
    ...(others.length === 0 ? [] : [...head, ...rows(difference).slice(1)]),
    "",
  ].join("\n");
}

/** The figures as a LaTeX table for `booktabs`, a difference's interval that leaves zero out in bold. */
export function latexTable(table: SuiteTable): string {
  const heads = headsOf(
    table,
    ({ name, better }, benchmark) => `${latexText(`${benchmark} ${name}`)}${LATEX_ARROWS[better]}`,
  );
  const rows = rowsOf(table, figure, (bold) => `\\textbf{${bold}}`, latexText);
  return [
    MARKS.latex,
    `\\begin{tabular}{l${"r".repeat(heads.length)}}`,
    "\\toprule",
    `model & ${heads.join(" & ")} \\\\`,
    "\\midrule",
    ...rows.map((row) => `${row.join(" & ")} \\\\`),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

type CellText = (cell: SuiteCell, metric: Metric) => { text: string; isBold: boolean };

function figure({ result, comparison }: SuiteCell, { name, digits }: Metric): { text: string; isBold: boolean } {
  const value = result.metrics[name] ?? null;
  const interval = result.interval[name] ?? null;
  const ends = interval === null ? "" : ` [${interval.map((end) => end.toFixed(digits)).join(", ")}]`;
  return { text: value === null ? UNDEFINED : value.toFixed(digits) + ends, isBold: differs(comparison, name) };
}

function difference({ comparison }: SuiteCell, { name, digits }: Metric): { text: string; isBold: boolean } {
  const found = comparison?.metrics.find((metric) => metric.name === name);
  if (found?.difference == null) return { text: UNDEFINED, isBold: false };
  const ends = found.interval === null ? "" : ` [${found.interval.map((end) => signed(end, digits)).join(", ")}]`;
  return { text: signed(found.difference, digits) + ends, isBold: differs(comparison, name) };
}

function differs(comparison: EvalComparison | undefined, name: string): boolean {
  const interval = comparison?.metrics.find((metric) => metric.name === name)?.interval ?? null;
  return interval !== null && (interval[0] > 0 || interval[1] < 0);
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value > 0 ? `+${text}` : text;
}

function headsOf({ columns }: SuiteTable, head: (metric: Metric, benchmark: string) => string): string[] {
  return columns.flatMap(({ name, metrics }) => metrics.map((metric) => head(metric, name)));
}

function rowsOf(
  { models, columns, cells }: SuiteTable,
  text: CellText,
  bold: (text: string) => string,
  plain: (text: string) => string = (each) => each,
): string[][] {
  return models.map((model, row) => [
    plain(model),
    ...columns.flatMap(({ metrics }, column) =>
      metrics.map((metric) => {
        const { text: shown, isBold } = text(cells[row]?.[column] as SuiteCell, metric);
        return isBold ? bold(shown) : shown;
      }),
    ),
  ]);
}

function latexText(text: string): string {
  return text.replace(/[&%$#_{}]/g, "\\$&");
}
