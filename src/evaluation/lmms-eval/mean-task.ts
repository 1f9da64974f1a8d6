import type { Metric } from "../benchmark.js";
import { TallySheet } from "../tally-sheet.js";
import type { Sample } from "./results-file.js";
import { percentage, type TaskScorer } from "./task-scorer.js";

/** Ways in which tasks note how right a sample is; the one that gives lmms-eval's own figure is taken. */
const READINGS: readonly ((noted: unknown) => number | undefined)[] = [
  (noted) => (typeof noted === "number" ? noted : typeof noted === "boolean" ? Number(noted) : undefined),
  (noted) => fieldOf(noted, "score"),
  (noted) => fieldOf(noted, "is_correct"),
  (noted) => fieldOf(noted, "correct"),
  (noted) => equal(noted, "pred", "answer"),
  (noted) => equal(noted, "prediction", "ground_truth"),
];

/** Tasks print shares as 0.57 or as 57.0. */
const SCALES = [1, 100] as const;

/** Figures agree when they do to this part of the greater. */
const TOLERANCE = 1e-6;

/** A metric that is the mean of numbers noted with the samples. */
interface MeanMetric {
  metric: Metric;
  values: readonly number[];
  /** Figure per unit of the mean. */
  scale: number;
}

/** Any other task: figures as lmms-eval prints them, resampled where they are means of what the samples note. */
export const meanTask: TaskScorer = {
  knows: () => true,
  score({ printed, higherIsBetter, samples }) {
    const sheet = new TallySheet();
    const means: MeanMetric[] = [];
    for (const [name, figure] of printed) {
      if (figure === null) continue;
      const found = readingOf(samples, name, figure);
      const better = higherIsBetter[name] === false ? "lower" : higherIsBetter[name] === true ? "higher" : "neither";
      if (found !== undefined)
        means.push({ ...found, metric: { name, title: "mean over samples", better, digits: 2 } });
    }
    for (const [at, sample] of samples.entries()) {
      const unit = String(sample.doc_id);
      sheet.add(unit, "samples", 1);
      for (const { metric, values } of means) sheet.add(unit, metric.name, values[at] as number);
    }
    return {
      sheet,
      n: samples.length,
      metrics: means.map(({ metric }) => metric),
      figures: (totals) =>
        Object.fromEntries(
          means.map(({ metric, scale }) => {
            const mean = percentage(totals[metric.name], totals["samples"]);
            return [metric.name, mean === null ? null : (mean * scale) / 100];
          }),
        ),
      notes: [],
    };
  },
};

function readingOf(samples: readonly Sample[], metric: string, figure: number): Omit<MeanMetric, "metric"> | undefined {
  for (const read of READINGS) {
    const values = samples.map((sample) => read(sample[metric]));
    if (values.some((value) => value === undefined || !Number.isFinite(value))) continue;
    const mean = (values as number[]).reduce((sum, value) => sum + value, 0) / values.length;
    for (const scale of SCALES) {
      const given = mean * scale;
      if (Math.abs(given - figure) > TOLERANCE * Math.max(Math.abs(given), Math.abs(figure))) continue;
      // A share prints as a percentage here, as everywhere.
      const shares = (values as number[]).every((value) => value >= 0 && value <= 1);
      return { values: values as number[], scale: shares ? 100 : scale };
    }
  }
  return undefined;
}

function fieldOf(noted: unknown, name: string): number | undefined {
  if (typeof noted !== "object" || noted === null) return undefined;
  const value = (noted as Record<string, unknown>)[name];
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : undefined;
}

function equal(noted: unknown, one: string, other: string): number | undefined {
  if (typeof noted !== "object" || noted === null) return undefined;
  const { [one]: said, [other]: truth } = noted as Record<string, unknown>;
  if (typeof said !== "string" || typeof truth !== "string") return undefined;
  return Number(said.trim().toLowerCase() === truth.trim().toLowerCase());
}
