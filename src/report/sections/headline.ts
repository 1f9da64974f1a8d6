import type { Scores } from "../../evaluation/eval-result.js";
import { barPanel, barPanelHeight } from "../charts/bar-panel.js";
import { figure, image } from "../charts/figure.js";
import { COLUMN_WIDTH } from "../charts/frame.js";
import { percentage, percentageInterval } from "../format.js";
import { headlineBars, HEADLINE_PANELS } from "../headline-bars.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";
import { caveats } from "./caveats.js";
import { fluencyTable } from "./fluency.js";
import { questionKinds } from "./question-kinds.js";

const COLUMNS: readonly { figure: string; name: string; best: "low" | "high" }[] = [
  { figure: "chair_s", name: "CHAIRs", best: "low" },
  { figure: "chair_i", name: "CHAIRi", best: "low" },
  { figure: "cover", name: "Coverage", best: "high" },
  { figure: "hal", name: "Hal", best: "low" },
  { figure: "accuracy", name: "Yes/no", best: "high" },
];

/** What the columns of `scoresTable` are. */
const SCORES_NOTE =
  "Small: 95 % bootstrap intervals by scene, of this one training: with another seed all of it differs more; bold and underlined: best of the column. CHAIRs: captions that name something absent. CHAIRi: mentions of something absent. Coverage: objects in the picture that the caption names. Hal: captions and yes/no answers that assert something absent. Yes/no: right answers to yes/no questions.";

/** The comparison of all models: a sentence, a table and bars. */
export function headlineSection(data: ReportData): Markup {
  const { models, test_scenes: scenes } = data.result;
  const bars = HEADLINE_PANELS.map(({ figure: name, title, hint }) => {
    const panel = headlineBars(models, data.labels, name);
    const drawn = barPanel(panel, { hint, width: COLUMN_WIDTH });
    return figure(title, image(COLUMN_WIDTH, barPanelHeight(panel.length, false), title, drawn));
  });
  return markup`<p class="lead">${headlineSentence(data)} ${caveats(data)}</p>
${scoresTable(models, data)}
<p class="note">In %, on ${scenes} test scenes. ${SCORES_NOTE}</p>
<div class="columns">${bars}</div>
${questionKinds(models, data)}
${fluencyTable(models, data)}`;
}

/** What changed between the two models that the page compares, in words. */
export function headlineSentence(data: ReportData): string {
  const before = data.result.models[data.before];
  const after = data.result.models[data.after];
  if (before === undefined || after === undefined) return "";
  const share = ({ metrics }: Scores, figure: string) => percentage(metrics[figure] ?? null);
  const name = labelOf(data, data.after);
  const base = labelOf(data, data.before);
  const { reduction = null, reduction_interval: interval = null } =
    data.result.comparisons?.[data.after]?.["chair_s"] ?? {};
  const change =
    reduction === null || interval === null
      ? ""
      : reduction >= 0
        ? `, ${percentage(reduction)}\u00a0% fewer (95\u00a0% interval ${percentageInterval(interval)}\u00a0%)`
        : `, ${percentage(-reduction)}\u00a0% more (95\u00a0% interval ${percentageInterval([-interval[1], -interval[0]])}\u00a0%)`;
  return `${name} names something that is not in the picture in ${share(after, "chair_s")}\u00a0% of captions, ${base} in ${share(before, "chair_s")}\u00a0%${change}. Of the objects that are there, ${name} names ${share(after, "cover")}\u00a0%, ${base} ${share(before, "cover")}\u00a0%.`;
}

/** Figures of models on scenes, in percent with intervals. */
function scoresTable(models: Readonly<Record<string, Scores>>, data: Pick<ReportData, "labels">): Markup {
  const rows = Object.entries(models);
  const bests = new Map(
    COLUMNS.map((column) => {
      // Compared as printed, so that two cells that read the same are both best.
      const values = rows
        .map(([, scores]) => Number(percentage(scores.metrics[column.figure] ?? null)))
        .filter(Number.isFinite);
      return [column.figure, column.best === "low" ? Math.min(...values) : Math.max(...values)];
    }),
  );
  const cell = (scores: Scores, name: string): Markup => {
    const text = percentage(scores.metrics[name] ?? null);
    const isBest = rows.length > 1 && Number(text) === bests.get(name);
    return markup`<td>${isBest ? markup`<strong>${text}</strong>` : text}<small>${percentageInterval(scores.interval[name] ?? null)}</small></td>`;
  };
  return markup`<div class="scroll"><table class="figures scores"><thead><tr><th>Model</th>${COLUMNS.map(
    ({ name, best }) => markup`<th>${name} ${best === "low" ? "↓" : "↑"}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ([
      key,
      scores,
    ]) => markup`<tr><th>${labelOf(data, key)}</th>${COLUMNS.map((column) => cell(scores, column.figure))}</tr>
`,
  )}</tbody></table></div>`;
}
