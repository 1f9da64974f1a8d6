import type { ErrorCorrelation } from "../../difficulty/agreement.js";
import { SIGNALS } from "../../difficulty/grading.js";
import { UNDEFINED } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

const NAMES: Readonly<Record<(typeof SIGNALS)[number], string>> = {
  entropy: "entropy of the model alone",
  image_similarity: "image similarity alone",
  transport_distance: "transport distance alone (less is harder)",
  word_proximity: "word proximity alone",
};

/** Whether difficulty predicts where the model before training errs. */
export function difficultySection(data: ReportData): Markup | null {
  const { agreement } = data;
  if (agreement === undefined) return null;
  const rows: [string, ErrorCorrelation][] = [
    ["difficulty", agreement.difficulty],
    ...SIGNALS.map((name): [string, ErrorCorrelation] => [NAMES[name], agreement.signals[name]]),
    ["kind of pair alone", agreement.kind],
  ];
  return markup`<p>Rank correlation of a pair's difficulty with how wrong ${labelOf(data, data.before)} is about it, before any training: 1 predicts the order of errors, 0 says nothing.</p>
<div class="scroll"><table class="figures"><thead><tr><th>Score</th><th>Share of wrong margins</th><th>Mean margin, negated</th><th>Pairs</th></tr></thead><tbody>${rows.map(
    ([name, row]) =>
      markup`<tr><th>${name}</th><td>${rho(row.wrong_margins)}</td><td>${rho(row.negative_margin)}</td><td>${row.pairs}</td></tr>`,
  )}</tbody></table></div><p class="note">Spearman's ρ. “Kind of pair alone” gives each pair the mean error of its kind, measured on the other half of the pairs.</p>`;
}

function rho(value: number | null): string {
  return value === null ? UNDEFINED : value.toFixed(2).replace("-", "−");
}
