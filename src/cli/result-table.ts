import type { StudyResult } from "../report/study-result.js";
import { figureOf, figureText, percent, percentRange } from "../study/score-text.js";

const COLUMNS: readonly { figure: string; title: string }[] = [
  { figure: "chair_s", title: "CHAIRs" },
  { figure: "chair_i", title: "CHAIRi" },
  { figure: "cover", title: "coverage" },
  { figure: "hal", title: "halluc. answers" },
  { figure: "accuracy", title: "yes/no accuracy" },
];

/** The result as a plain table: shares in percent with their 95 % intervals by scene. */
export function resultTable(result: StudyResult): string {
  const rows = [
    ["model", ...COLUMNS.map(({ title }) => title)],
    ...Object.entries(result.models).map(([name, scores]) => [
      name,
      ...COLUMNS.map(({ figure }) => figureText(scores, figure)),
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
  const reduction = result.comparisons?.["scpo"]?.["chair_s"];
  const share = reduction?.reduction ?? null;
  const interval = reduction?.reduction_interval ?? null;
  const headline =
    share === null
      ? ""
      : `\nscpo against base: ${percent(share)} % fewer captions that name something absent` + percentRange(interval);
  // A headline about scpo alone would hide a method that does better.
  const [least] = Object.entries(result.models)
    .flatMap(([name, scores]) => {
      const chair = figureOf(scores, "chair_s");
      return chair === null ? [] : [{ name, chair }];
    })
    .sort((a, b) => a.chair - b.chair);
  const lowest =
    share === null || least === undefined || least.name === "scpo"
      ? ""
      : `; the lowest is ${least.name}, ${percent(least.chair)} %`;
  return (
    `${result.test_scenes} test scenes, ${result.pairs} training pairs, seed ${result.seed}; percent with 95 % intervals by scene, of one training each\n` +
    `${lines.join("\n")}${headline}${lowest}`
  );
}
