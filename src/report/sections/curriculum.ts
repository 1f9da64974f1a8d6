import type { LinePoint } from "../charts/line-chart.js";
import { timelineChart } from "../charts/timeline-chart.js";
import type { Markup } from "../markup.js";
import type { ReportData, TrainedStage, TrainingHistory } from "../report-data.js";
import { stageBands } from "../stage-bands.js";
import { binSteps } from "../step-bins.js";

/** Dots that a timeline has at most; of more, every n-th is drawn. */
const MOST_DOTS = 3000;

/** Stages, difficulty of the pairs, reference updates, learning rate and gradient norm over optimiser steps. */
export function curriculumChart(training: TrainingHistory, data: Pick<ReportData, "difficulties">): Markup {
  const { stages, steps, records, referenceUpdates } = training;
  const graded = records.flatMap(({ step, pair }) => {
    const difficulty = data.difficulties[pair] ?? null;
    return difficulty === null ? [] : [{ step, difficulty }];
  });
  const every = Math.max(1, Math.ceil(graded.length / MOST_DOTS));
  const dots = graded
    .filter((_, at) => at % every === 0)
    .map(({ step, difficulty }): LinePoint => ({ x: step, y: difficulty }));
  return timelineChart({
    title: "Timeline of the curriculum",
    xLabel: "optimiser step",
    bands: stageBands(stages),
    marks: referenceUpdates.map(({ step, alpha, reason }) => ({
      x: step,
      name: `step ${step}: ${reason === "" ? "reference moved" : reason} (α = ${alpha})`,
    })),
    markLabel: "reference update",
    rows: [
      {
        label: "difficulty, 0 to 1",
        colour: "blue",
        height: 170,
        segments: binSteps(graded, stages, ({ difficulty }) => difficulty),
        dots,
        include: [0, 1],
      },
      {
        label: "learning rate",
        colour: "purple",
        height: 96,
        segments: exact(steps, stages, (step) => step.learningRate),
        include: [0],
      },
      {
        label: "gradient norm",
        colour: "orange",
        height: 96,
        segments: exact(steps, stages, (step) => step.gradNorm),
        include: [0],
      },
    ],
    note: `Dots: ${every === 1 ? "every pair" : `one pair in ${every}`} at the step that consumed it; line over them: the mean. Gradient norm before clipping.`,
  });
}

type Step = TrainingHistory["steps"][number];

function exact(steps: readonly Step[], stages: readonly TrainedStage[], value: (step: Step) => number): LinePoint[][] {
  return stages.map(({ firstStep, lastStep }) =>
    steps
      .filter((step) => step.step >= firstStep && step.step <= lastStep && Number.isFinite(value(step)))
      .map((step) => ({ x: step.step, y: value(step) })),
  );
}
