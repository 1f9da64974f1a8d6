import type { StudyResult } from "../evaluation/result.js";
import { figureOf, type Figure, type SceneScores } from "../evaluation/scene-scores.js";

const COLUMNS: readonly { figure: Figure; title: string }[] = [
  { figure: "chair_s", title: "CHAIRs" },
  { figure: "chair_i", title: "CHAIRi" },
  { figure: "cover", title: "coverage" },
  { figure: "hal", title: "halluc. answers" },
  { figure: "accuracy", title: "yes/no accuracy" },
];

const percent = (share: number | null) => (share === null ? "-" : (100 * share).toFixed(1));

function cell(scores: SceneScores, figure: Figure): string {
  const interval = figureOf(scores.interval, figure);
  const range = interval === null ? "" : ` [${percent(interval[0])}, ${percent(interval[1])}]`;
  return `${percent(figureOf(scores, figure))}${range}`;
}

/** The result as a plain table: shares in percent with their 95 % intervals by scene. */
export function resultTable(result: StudyResult): string {
  const rows = [
    ["model", ...COLUMNS.map(({ title }) => title)],
    ...Object.entries(result.models).map(([name, scores]) => [
      name,
      ...COLUMNS.map(({ figure }) => cell(scores, figure)),
    ]),
  ];
  const widths = (rows[0] as string[]).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  const lines = rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] as number))
      .join("  ")
      .trimEnd(),
  );
  const reduction = result.comparisons?.["scpo"]?.chair_s;
  const share = reduction?.relative_reduction ?? null;
  const interval = reduction?.relative_reduction_interval ?? null;
  const headline =
    share === null
      ? ""
      : `\nscpo against base: ${percent(share)} % fewer captions that name something absent` +
        (interval === null ? "" : ` [${percent(interval[0])}, ${percent(interval[1])}]`);
  return (
    `${result.test_scenes} test scenes, ${result.pairs} training pairs, seed ${result.seed}; percent with 95 % intervals\n` +
    `${lines.join("\n")}${headline}`
  );
}
