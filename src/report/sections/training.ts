import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData, type TrainingHistory } from "../report-data.js";
import { curriculumChart } from "./curriculum.js";
import { driftChart } from "./drift.js";
import { rewardsCharts } from "./rewards.js";

/** How training went: the first training in the open, the others folded. */
export function trainingSection(data: ReportData): Markup {
  const [first, ...others] = data.trainings;
  if (first === undefined) return markup`<p class="note">No training was recorded.</p>`;
  return markup`<h3>${labelOf(data, first.method)}</h3>${trainingCharts(first, data)}${others.map(
    (training) =>
      markup`<details><summary>${labelOf(data, training.method)}</summary>${trainingCharts(training, data)}</details>`,
  )}`;
}

function trainingCharts(training: TrainingHistory, data: ReportData): Markup {
  return markup`${curriculumChart(training, data)}${rewardsCharts(training)}<div class="columns">${driftChart(training)}</div>`;
}
