import type { SceneScores } from "../../evaluation/scene-scores.js";
import { QUESTION_KINDS, type QuestionKind } from "../../scenes/questions.js";
import { percentage, percentageInterval } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

/** Yes/no accuracy by kind of question; nothing in a world that only asks about presence. */
export function questionKinds(
  models: Readonly<Record<string, SceneScores>>,
  data: Pick<ReportData, "labels">,
): Markup | null {
  const rows = Object.entries(models).filter(([, { by_kind }]) => by_kind !== undefined);
  const kinds = QUESTION_KINDS.filter((kind) => rows.some(([, { by_kind }]) => by_kind?.[kind] !== undefined));
  if (kinds.length === 0) return null;
  const cell = ({ by_kind }: SceneScores, kind: QuestionKind): Markup => {
    const { accuracy = null, interval = null } = by_kind?.[kind] ?? {};
    return markup`<td>${percentage(accuracy)}<small>${percentageInterval(interval)}</small></td>`;
  };
  return markup`<h3>Yes/no accuracy by kind of question</h3>
<div class="scroll"><table class="figures scores"><thead><tr><th>Model</th>${kinds.map(
    (kind) => markup`<th>${kind}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ([key, scores]) => markup`<tr><th>${labelOf(data, key)}</th>${kinds.map((kind) => cell(scores, kind))}</tr>
`,
  )}</tbody></table></div>
<p class="note">Right answers in %. Presence: is there such an object? Count: exactly so many? Position: left of, right of, above or below another? Attribute: on a tile of that colour?</p>`;
}
