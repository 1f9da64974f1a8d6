import type { SceneScores } from "../../evaluation/scene-scores.js";
import { percentage } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

/** How well formed the captions are; nothing where it was not counted. */
export function fluencyTable(
  models: Readonly<Record<string, SceneScores>>,
  data: Pick<ReportData, "labels">,
): Markup | null {
  const rows = Object.entries(models).flatMap(([key, { fluency }]) => {
    if (fluency === undefined || fluency.captions === 0) return [];
    const { captions, foreign, repeating, words } = fluency;
    return [
      markup`<tr><th>${labelOf(data, key)}</th><td>${percentage(foreign / captions)}</td><td>${percentage(repeating / captions)}</td><td>${(words / captions).toFixed(1)}</td></tr>
`,
    ];
  });
  if (rows.length === 0) return null;
  return markup`<h3>Are the captions well formed?</h3>
<div class="scroll"><table class="figures"><thead><tr><th>Model</th><th>foreign word ↓</th><th>repeats ↓</th><th>words</th></tr></thead><tbody>${rows}</tbody></table></div>
<p class="note">Captions in % with a word that no true caption has, such as two words run together, and with an object that is named more than once; words a caption.</p>`;
}
