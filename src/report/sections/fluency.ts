import type { Scores } from "../../evaluation/eval-result.js";
import { percentage } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

/** How well formed the captions are; nothing where no figure says so. */
export function fluencyTable(
  models: Readonly<Record<string, Scores>>,
  data: Pick<ReportData, "labels">,
): Markup | null {
  const rows = Object.entries(models).flatMap(([key, { metrics }]) => {
    const { foreign = null, repeating = null, words = null } = metrics;
    if (foreign === null) return [];
    return [
      markup`<tr><th>${labelOf(data, key)}</th><td>${percentage(foreign)}</td><td>${percentage(repeating)}</td><td>${percentage(words)}</td></tr>
`,
    ];
  });
  if (rows.length === 0) return null;
  return markup`<h3>Are the captions well formed?</h3>
<div class="scroll"><table class="figures"><thead><tr><th>Model</th><th>foreign word ↓</th><th>repeats ↓</th><th>words</th></tr></thead><tbody>${rows}</tbody></table></div>
<p class="note">Captions in % with a word that no true caption has, such as two words run together, and with an object that is named more than once; words a caption.</p>`;
}
