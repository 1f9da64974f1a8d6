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
  return markup`${curriculumChart(training, data)}<div class="columns">${[...rewardsCharts(training), driftChart(training)]}</div><p class="note">Rewards are β times the log-probability ratio of policy and reference; they start again from 0 where the reference is reset. Lines: means over neighbouring steps of a stage; shaded: the middle half of the pairs.</p>`;
}
