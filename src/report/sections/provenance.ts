import { duration } from "../format.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

/** Everything needed to reproduce the study, and what is known to be missing. */
export function provenanceSection(data: ReportData): Markup {
  const { result, provenance, trainings } = data;
  const lost = trainings.map(
    ({ method, telemetry }) =>
      `${labelOf(data, method)} ${telemetry.lost}${telemetry.complete ? "" : " (incomplete: the final message did not come)"}`,
  );
  const rows: [string, string][] = [
    ["Seed", String(result.seed)],
    ["Threads", String(result.threads)],
    ["Device", provenance.device],
    ["Pairs", String(result.pairs)],
    ["Test scenes", String(result.test_scenes)],
    ...Object.entries(result.seconds).map(([part, seconds]): [string, string] => [`Time: ${part}`, duration(seconds)]),
    ["Lost telemetry messages", lost.length === 0 ? "nothing was recorded" : lost.join(", ")],
    [
      "Versions",
      Object.entries(provenance.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    ...Object.entries(provenance.hashes).map(([name, hash]): [string, string] => [`SHA-256: ${name}`, hash]),
  ];
  return markup`<pre>${provenance.command}</pre><table class="facts-table"><tbody>${rows.map(
    ([name, value]) => markup`<tr><th>${name}</th><td>${value}</td></tr>`,
  )}</tbody></table><details><summary>Recipe</summary><pre>${JSON.stringify(provenance.recipe, null, 2)}</pre></details>`;
}
