import type { SceneScores } from "../evaluation/scene-scores.js";
import { writeAtomically } from "../files/write-atomically.js";
import { markup, type Markup } from "./markup.js";
import { page } from "./page.js";
import type { TrainingHistory } from "./report-data.js";
import { scoresTable, SCORES_NOTE } from "./sections/headline.js";
import { trainingSection } from "./sections/training.js";

/** Everything that the page of one run shows. */
export interface RunReportData {
  title: string;
  training: TrainingHistory;
  /** Difficulty by pair; null where it was not measured. */
  difficulties: readonly (number | null)[];
  /** Scores on scenes after stages, in their order. */
  scores: readonly { stage: string; scores: SceneScores }[];
  /** Figures of benchmarks after stages. */
  evaluations: readonly { stage: string; benchmark: string; figures: Readonly<Record<string, number | null>> }[];
  /** The run's settings as YAML. */
  settings: string;
}

/** Renders the page of one run: its curves, its timeline, its drift, what its models scored. */
export function renderRunReport(data: RunReportData): string {
  const { training, scores } = data;
  const trained = trainingSection({ trainings: [training], labels: {}, difficulties: data.difficulties });
  return page(data.title, summary(data), [
    ["training", "How training went", trained],
    ["scores", "Scores on scenes", scores.length === 0 ? null : scoresSection(scores)],
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

function scoresSection(scores: RunReportData["scores"]): Markup {
  const models = Object.fromEntries(scores.map(({ stage, scores: figures }, at) => [`${at}`, { stage, figures }]));
  const labels = Object.fromEntries(Object.entries(models).map(([key, { stage }]) => [key, `after ${stage}`]));
  const figures = Object.fromEntries(Object.entries(models).map(([key, model]) => [key, model.figures]));
  return markup`${scoresTable(figures, { labels })}<p class="note">${SCORES_NOTE}</p>`;
}

function benchmarksSection(evaluations: RunReportData["evaluations"]): Markup {
  const rows = evaluations.flatMap(({ stage, benchmark, figures }) =>
    Object.entries(figures).map(
      ([name, figure]) =>
        markup`<tr><th>${benchmark} after ${stage}</th><td>${name}</td><td>${figure?.toPrecision(4) ?? "none"}</td></tr>`,
    ),
  );
  return markup`<table><tr><th>Model</th><th>Figure</th><th>Value</th></tr>${rows}</table>`;
}
