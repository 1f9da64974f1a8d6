import type { EvalResult } from "../evaluation/eval-result.js";
import { writeAtomically } from "../files/write-atomically.js";
import { markup, type Markup } from "./markup.js";
import { page } from "./page.js";
import type { TrainingHistory } from "./report-data.js";
import { trainingSection } from "./sections/training.js";

/** Everything that the page of one run shows. */
export interface RunReportData {
  title: string;
  training: TrainingHistory;
  /** Difficulty by pair; null where it was not measured. */
  difficulties: readonly (number | null)[];
  /** What the models scored after stages, in their order. */
  evaluations: readonly { stage: string; result: EvalResult }[];
  /** The run's settings as YAML. */
  settings: string;
}

/** Renders the page of one run: its curves, its timeline, its drift, what its models scored. */
function renderRunReport(data: RunReportData): string {
  const { training } = data;
  const trained = trainingSection({ trainings: [training], labels: {}, difficulties: data.difficulties });
  return page(data.title, summary(data), [
    ["training", "How training went", trained],
    ["benchmarks", "Benchmarks", data.evaluations.length === 0 ? null : benchmarksSection(data.evaluations)],
    ["settings", "Settings", markup`<pre>${data.settings}</pre>`],
  ]);
}

/** Writes the page of one run; its folder must exist. */
export async function writeRunReport(path: string, data: RunReportData): Promise<void> {
  await writeAtomically(path, renderRunReport(data));
}

function summary({ training }: RunReportData): Markup {
  const { stages, steps, referenceUpdates, recordsEvery } = training;
  const last = steps.at(-1);
  const drift = last === undefined ? "" : `, ${last.klInitial.toPrecision(3)} nats per text from the initial model`;
  const sampled =
    recordsEvery === undefined
      ? ""
      : ` Curves over pairs show every ${recordsEvery} steps: the records are too many for all.`;
  return markup`<p class="lead">${steps.length} optimiser steps in ${stages.length} stages (${stages
    .map(({ name }) => name)
    .join(", ")}), ${referenceUpdates.length} updates of the reference${drift}.${sampled}</p>`;
}

function benchmarksSection(evaluations: RunReportData["evaluations"]): Markup {
  const rows = evaluations.flatMap(({ stage, result: { benchmark, about, metrics, interval } }) =>
    about.map(({ name, title, digits }) => {
      const range = interval[name]?.map((end) => end.toFixed(digits)).join("\u2013") ?? "";
      const figure = metrics[name]?.toFixed(digits) ?? "none";
      return markup`<tr><th>${benchmark} after ${stage}</th><td>${name}</td><td>${figure}<small>${range}</small></td><td>${title}</td></tr>`;
    }),
  );
  return markup`<div class="scroll"><table class="figures"><tr><th>Model</th><th>Figure</th><th>Value</th><th>What it says</th></tr>${rows}</table></div>
<p class="note">Small: 95 % bootstrap intervals by image, of this one training: with another seed all of it differs more.</p>`;
}
