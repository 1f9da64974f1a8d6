import type { Scores } from "../../evaluation/eval-result.js";
import { kindMetric } from "../../evaluation/scenes/figures.js";
import { QUESTION_KINDS } from "../../scenes/questions.js";
import { percentage, percentageInterval } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

/** Yes/no accuracy by kind of question; nothing in a world that only asks about presence. */
export function questionKinds(
  models: Readonly<Record<string, Scores>>,
  data: Pick<ReportData, "labels">,
): Markup | null {
  const kinds = QUESTION_KINDS.filter((kind) =>
    Object.values(models).some(({ metrics }) => (metrics[kindMetric(kind)] ?? null) !== null),
  );
  if (kinds.length === 0) return null;
  const rows = Object.entries(models).filter(([, { metrics }]) => kinds.some((kind) => kindMetric(kind) in metrics));
  const cell = ({ metrics, interval }: Scores, name: string): Markup =>
    markup`<td>${percentage(metrics[name] ?? null)}<small>${percentageInterval(interval[name] ?? null)}</small></td>`;
  return markup`<h3>Yes/no accuracy by kind of question</h3>
<div class="scroll"><table class="figures scores"><thead><tr><th>Model</th>${kinds.map(
    (kind) => markup`<th>${kind}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ([
      key,
      scores,
    ]) => markup`<tr><th>${labelOf(data, key)}</th>${kinds.map((kind) => cell(scores, kindMetric(kind)))}</tr>
`,
  )}</tbody></table></div>
<p class="note">Right answers in %. Presence: is there such an object? Count: exactly so many? Position: left of, right of, above or below another? Attribute: on a tile of that colour?</p>`;
}
