import { type Figure, figureOf, type SceneScores } from "../../evaluation/scene-scores.js";
import { barPanel, barPanelHeight } from "../charts/bar-panel.js";
import { figure, picture } from "../charts/figure.js";
import { COLUMN_WIDTH } from "../charts/frame.js";
import { percentage, percentageInterval } from "../format.js";
import { headlineBars, HEADLINE_PANELS } from "../headline-bars.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";
import { caveats } from "./caveats.js";
import { fluencyTable } from "./fluency.js";
import { questionKinds } from "./question-kinds.js";

const COLUMNS: readonly { figure: Figure; name: string; best: "low" | "high" }[] = [
  { figure: "chair_s", name: "CHAIRs", best: "low" },
  { figure: "chair_i", name: "CHAIRi", best: "low" },
  { figure: "cover", name: "Coverage", best: "high" },
  { figure: "hal", name: "Hal", best: "low" },
  { figure: "accuracy", name: "Yes/no", best: "high" },
];

/** What the columns of `scoresTable` are. */
export const SCORES_NOTE =
  "Small: 95 % bootstrap intervals by scene, of this one training: with another seed all of it differs more; bold and underlined: best of the column. CHAIRs: captions that name something absent. CHAIRi: mentions of something absent. Coverage: objects in the picture that the caption names. Hal: captions and yes/no answers that assert something absent. Yes/no: right answers to yes/no questions.";

/** The comparison of all models: a sentence, a table and bars. */
export function headlineSection(data: ReportData): Markup {
  const { models, ablations, test_scenes: scenes } = data.result;
  const bars = HEADLINE_PANELS.map(({ figure: name, title, hint }) => {
    const panel = headlineBars(models, data.labels, name);
    const drawn = barPanel(panel, { hint, width: COLUMN_WIDTH });
    return figure(title, picture(COLUMN_WIDTH, barPanelHeight(panel.length, false), title, drawn));
  });
  return markup`<p class="lead">${headlineSentence(data)} ${caveats(data)}</p>
${scoresTable(models, data)}
<p class="note">In %, on ${scenes} test scenes. ${SCORES_NOTE}</p>
<div class="columns">${bars}</div>
${questionKinds(models, data)}
${fluencyTable(models, data)}
${Object.keys(ablations).length === 0 ? null : markup`<h3>With one part changed</h3>${scoresTable(withAfter(data), data)}`}`;
}

/** The model that the page is about above its variants. */
function withAfter({ result, after }: ReportData): Record<string, SceneScores> {
  const scores = result.models[after];
  return { ...(scores === undefined ? {} : { [after]: scores }), ...result.ablations };
}

/** What changed between the two models that the page compares, in words. */
export function headlineSentence(data: ReportData): string {
  const before = data.result.models[data.before];
  const after = data.result.models[data.after];
  if (before === undefined || after === undefined) return "";
  const name = labelOf(data, data.after);
  const base = labelOf(data, data.before);
  const { relative_reduction: reduction = null, relative_reduction_interval: interval = null } =
    data.result.comparisons?.[data.after]?.chair_s ?? {};
  const change =
    reduction === null || interval === null
      ? ""
      : reduction >= 0
        ? `, ${percentage(reduction)}\u00a0% fewer (95\u00a0% interval ${percentageInterval(interval)}\u00a0%)`
        : `, ${percentage(-reduction)}\u00a0% more (95\u00a0% interval ${percentageInterval([-interval[1], -interval[0]])}\u00a0%)`;
  return `${name} names something that is not in the picture in ${percentage(after.chair_s)}\u00a0% of captions, ${base} in ${percentage(before.chair_s)}\u00a0%${change}. Of the objects that are there, ${name} names ${percentage(after.cover)}\u00a0%, ${base} ${percentage(before.cover)}\u00a0%.`;
}

/** Figures of models on scenes, in percent with intervals. */
export function scoresTable(models: Readonly<Record<string, SceneScores>>, data: Pick<ReportData, "labels">): Markup {
  const rows = Object.entries(models);
  const bests = new Map(
    COLUMNS.map((column) => {
      // Compared as printed, so that two cells that read the same are both best.
      const values = rows
        .map(([, scores]) => Number(percentage(figureOf(scores, column.figure))))
        .filter(Number.isFinite);
      return [column.figure, column.best === "low" ? Math.min(...values) : Math.max(...values)];
    }),
  );
  const cell = (scores: SceneScores, name: Figure): Markup => {
    const text = percentage(figureOf(scores, name));
    const isBest = rows.length > 1 && Number(text) === bests.get(name);
    return markup`<td>${isBest ? markup`<strong>${text}</strong>` : text}<small>${percentageInterval(figureOf(scores.interval, name))}</small></td>`;
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
