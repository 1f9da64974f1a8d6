import type { QuadLogps } from "../../generated/scpo/v1/pair.js";
import type { PairRecord } from "../../generated/scpo/v1/telemetry.js";
import { lineChart, type LineSeries } from "../charts/line-chart.js";
import type { Markup } from "../markup.js";
import type { TrainingHistory } from "../report-data.js";
import { binSteps } from "../step-bins.js";
import { stageBands } from "../stage-bands.js";

const quad = (values: QuadLogps | undefined, name: keyof QuadLogps): number => values?.[name] ?? NaN;

const MARGINS = [
  { name: "textual", colour: "blue", stroke: "solid", of: (record: PairRecord) => record.textualMargin },
  { name: "visual", colour: "orange", stroke: "solid", of: (record: PairRecord) => record.visualMargin },
  { name: "visual mirror", colour: "green", stroke: "dash", of: (record: PairRecord) => record.visualMirrorMargin },
  { name: "textual mirror", colour: "purple", stroke: "dash", of: (record: PairRecord) => record.textualMirrorMargin },
] as const;

/** -log sigmoid(margin): what a margin costs, ln 2 where the policy is the reference. */
export function lossOfMargin(margin: number): number {
  return Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
}

/** Rewards, margins, loss terms and shares of positive margins by step, from the records of pairs alone. */
export function rewardsCharts(training: TrainingHistory): Markup[] {
  const { records, stages } = training;
  const curve = (value: (record: PairRecord) => number) => binSteps(records, stages, value);
  const common = { xLabel: "optimiser step", bands: stageBands(stages) };
  const rewards = (
    title: string,
    note: string,
    preferred: LineSeries,
    other: LineSeries,
    margin: (record: PairRecord) => number,
  ): Markup =>
    lineChart({
      ...common,
      title,
      yLabel: "reward, nats",
      series: [
        preferred,
        other,
        { label: "margin", colour: "green", stroke: "dash", segments: curve(margin), spread: "band" },
      ],
      level: { y: 0, name: "" },
      note,
    });
  const preferred = curve((record) => quad(record.rewards, "chosenGivenImages"));
  return [
    rewards(
      "Textual: which text fits the picture",
      "Both texts on the chosen text's picture.",
      { label: "chosen text", colour: "blue", segments: preferred },
      {
        label: "rejected text",
        colour: "orange",
        segments: curve((record) => quad(record.rewards, "rejectedGivenImages")),
      },
      (record) => record.textualMargin,
    ),
    rewards(
      "Visual: which picture fits the text",
      "The chosen text on both pictures.",
      { label: "its own picture", colour: "blue", segments: preferred },
      {
        label: "contrast picture",
        colour: "orange",
        segments: curve((record) => quad(record.rewards, "chosenGivenRejectedImages")),
      },
      (record) => record.visualMargin,
    ),
    lineChart({
      ...common,
      title: "Loss terms",
      yLabel: "−log σ(margin), nats",
      series: MARGINS.map(({ name, colour, stroke, of }) => ({
        label: name,
        colour,
        stroke,
        segments: curve((record) => lossOfMargin(of(record))),
      })),
      level: { y: Math.LN2, name: "ln 2: policy = reference" },
      include: [0],
      note: "From the margins; shown whether or not the loss of this method uses the term.",
    }),
    lineChart({
      ...common,
      title: "Pairs with a positive margin",
      yLabel: "share of pairs, %",
      series: MARGINS.map(({ name, colour, stroke, of }) => ({
        label: name,
        colour,
        stroke,
        // Where the policy is the reference every margin is 0, which is neither right nor wrong.
        segments: curve((record) => (of(record) === 0 ? NaN : of(record) > 0 ? 1 : 0)),
      })),
      yFormat: (share) => String(Math.round(share * 1000) / 10),
      include: [0.5, 1],
    }),
  ];
}

/** Log-probabilities of the texts by step, from the records of pairs alone. */
export function logProbabilityChart({ records, stages }: TrainingHistory): Markup {
  const curve = (value: (record: PairRecord) => number) => binSteps(records, stages, value);
  return lineChart({
    xLabel: "optimiser step",
    bands: stageBands(stages),
    title: "Log-probabilities of the texts",
    yLabel: "log-probability, nats per text",
    series: [
      {
        label: "chosen on its picture",
        colour: "blue",
        segments: curve((record) => quad(record.policy, "chosenGivenImages")),
      },
      {
        label: "rejected on its picture",
        colour: "green",
        segments: curve((record) => quad(record.policy, "rejectedGivenRejectedImages")),
      },
      {
        label: "rejected on the chosen's picture",
        colour: "orange",
        stroke: "dash",
        segments: curve((record) => quad(record.policy, "rejectedGivenImages")),
      },
    ],
    note: "The true texts should stay likely while the false one falls.",
  });
}
