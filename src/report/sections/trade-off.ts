import type { Scores } from "../../evaluation/eval-result.js";
import { modelColour } from "../charts/colours.js";
import { lineChart, type LinePoint, type LineSeries } from "../charts/line-chart.js";
import { scatterChart, type ScatterPoint, type ScatterSeries } from "../charts/scatter-chart.js";
import { type Markup, markup } from "../markup.js";
import { labelOf, type ReportData } from "../report-data.js";

const whole = (percent: number): string => String(Math.round(percent * 10) / 10);

/** Hallucination against coverage of every checkpoint, and both by stage. */
export function tradeOffSection(data: ReportData): Markup {
  const { stages, models } = data.result;
  const methods = [...new Set(stages.map(({ method }) => method))];
  const longest = Math.max(0, ...stages.map(({ stage }) => stage)) + 1;
  const named = methods
    .map((method) => stages.filter((stage) => stage.method === method))
    .find((own) => own.length === longest);
  const xNames = [
    { x: 0, name: "before" },
    ...Array.from({ length: longest }, (_, at) => ({ x: at + 1, name: `after ${named?.[at]?.name ?? at + 1}` })),
  ];
  const series = (figure: string): LineSeries[] =>
    methods.map((method) => {
      const own = stages.filter((stage) => stage.method === method);
      // A method of one stage saw as much as the others by its end, so its point is drawn where theirs end.
      const at = (stage: number): number => (own.length === 1 ? longest : stage + 1);
      const points = [
        linePoint(0, models[data.before], figure),
        ...own.map(({ stage, scores }) => linePoint(at(stage), scores, figure)),
      ];
      return {
        label: labelOf(data, method),
        colour: modelColour(method, methods),
        segments: [points.filter((point) => point !== null)],
        spread: "interval",
        ...(own.length === 1 ? { stroke: "dash" as const } : {}),
      };
    });
  const chart = (figure: string, title: string, yLabel: string, include: number[]): Markup =>
    lineChart({
      title,
      xLabel: "stage",
      yLabel,
      series: series(figure),
      xNames,
      yFormat: whole,
      include,
      note: `${include.includes(0) ? "" : "The axis begins where the data does, not at 0. "}Dashed: a method of one stage, measured before and after; the line between only joins them.`,
    });
  return markup`<p>A model can be wrong less often just by saying less. Good models are at the lower right.</p>
<div class="columns">${scatterChart({
    title: "Hallucination against coverage",
    xLabel: "objects in the picture that are named, %",
    yLabel: "captions that name something absent, %",
    format: whole,
    series: scatterSeries(data, methods),
    note: `Bars: 95 % intervals. Dashed lines lead from the model before training through the checkpoints of a method. The axes begin where the data does, not at 0.`,
  })}${chart("chair_s", "Hallucination by stage (CHAIRs)", "captions, %", [0])}${chart("cover", "Coverage by stage", "objects named, %", [])}${chart("accuracy", "Yes/no accuracy by stage", "answers, %", [])}</div>`;
}

function scatterSeries(data: ReportData, methods: readonly string[]): ScatterSeries[] {
  const { stages, models } = data.result;
  const keys = [...new Set([...Object.keys(models), ...methods])];
  const start = scatterPoint("", models[data.before]) ?? undefined;
  return keys.map((key) => {
    const own = stages.filter(({ method }) => method === key);
    const points =
      own.length > 0
        ? own.map(({ name, scores }) => scatterPoint(own.length === 1 ? labelOf(data, key) : name, scores))
        : [scatterPoint(labelOf(data, key), models[key])];
    return {
      label: labelOf(data, key),
      colour: modelColour(key, keys),
      points: points.filter((point) => point !== null),
      start: own.length > 0 ? start : undefined,
    };
  });
}

function linePoint(x: number, scores: Scores | undefined, figure: string): LinePoint | null {
  const y = scores?.metrics[figure] ?? null;
  if (y === null) return null;
  const [low, high] = scores?.interval[figure] ?? [y, y];
  return { x, y, low, high };
}

function scatterPoint(name: string, scores: Scores | undefined): ScatterPoint | null {
  const { cover = null, chair_s: chair = null } = scores?.metrics ?? {};
  if (scores === undefined || cover === null || chair === null) return null;
  const { cover: xInterval = null, chair_s: yInterval = null } = scores.interval;
  return { name, x: cover, y: chair, xInterval, yInterval };
}
