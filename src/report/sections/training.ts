import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData, type TrainingHistory } from "../report-data.js";
import { curriculumChart } from "./curriculum.js";
import { driftChart } from "./drift.js";
import { logProbabilityChart, rewardsCharts } from "./rewards.js";

/** Terms that compare: texts or images with each other or, the anchor, the policy with the reference. */
const COMPARING_TERMS = [
  "textual",
  "visual",
  "visual_mirror",
  "textual_mirror",
  "combined",
  "combined_mirror",
  "anchor",
];

const COMPARES_NOTHING = "This loss compares nothing: there are no rewards, margins or reference to show.";

/** Words of the charts that not every reader knows. */
const WORDS =
  "Nats: natural logarithms of probabilities. Anchor: a term that keeps both true texts as likely as under the reference. k2: an estimate of the KL divergence.";

const LINES = "Lines: means over neighbouring steps of a stage; shaded: the middle half of the pairs.";

/** How training went: the first training in the open, the others folded. */
export function trainingSection(data: Pick<ReportData, "trainings" | "labels" | "difficulties">): Markup {
  const [first, ...others] = data.trainings;
  if (first === undefined) return markup`<p class="note">No training was recorded.</p>`;
  return markup`<h3>${labelOf(data, first.method)}</h3>${trainingCharts(first, data)}${others.map(
    (training) =>
      markup`<details><summary>${labelOf(data, training.method)}</summary>${trainingCharts(training, data)}</details>`,
  )}`;
}

function trainingCharts(training: TrainingHistory, data: Pick<ReportData, "difficulties">): Markup {
  const timeline = curriculumChart(training, data);
  const logProbabilities = logProbabilityChart(training);
  if (!compares(training)) {
    return markup`${timeline}<p>${COMPARES_NOTHING}</p><div class="columns">${logProbabilities}</div><p class="note">${LINES}</p>`;
  }
  return markup`${timeline}<div class="columns">${[...rewardsCharts(training), logProbabilities, driftChart(training)]}</div><p class="note">Rewards are β times the log-probability ratio of policy and reference; they start again from 0 where the reference is reset. ${LINES} ${WORDS}</p>`;
}

/** Whether the loss has a term that compares; a training without steps says nothing against it. */
function compares({ steps }: TrainingHistory): boolean {
  return steps.length === 0 || steps.some(({ terms }) => COMPARING_TERMS.some((name) => Object.hasOwn(terms, name)));
}
