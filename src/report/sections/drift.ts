import { lineChart } from "../charts/line-chart.js";
import type { Markup } from "../markup.js";
import type { TrainingHistory } from "../report-data.js";
import { stageBands } from "../stage-bands.js";
import { binSteps } from "../step-bins.js";

/** KL to the reference in force and to the initial model, by step. */
export function driftChart({ steps, stages }: TrainingHistory): Markup {
  return lineChart({
    title: "Drift: KL to the reference and to the initial model",
    xLabel: "optimiser step",
    yLabel: "KL, nats per text",
    bands: stageBands(stages),
    include: [0],
    series: [
      { label: "to the initial model", colour: "blue", segments: binSteps(steps, stages, (step) => step.klInitial) },
      {
        label: "to the reference",
        colour: "orange",
        stroke: "dash",
        segments: binSteps(steps, stages, (step) => step.klReference),
      },
    ],
    note: "k2 estimate on the true texts: mean of half the squared log-probability ratio.",
  });
}
