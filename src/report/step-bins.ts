import { mean, quantile } from "../numbers/statistics.js";
import type { LinePoint } from "./charts/line-chart.js";
import type { TrainedStage } from "./report-data.js";

/** Points that a curve has at most; more would only show noise. */
const MOST_POINTS = 60;

/** What a value was sampled from. */
export interface Stepped {
  step: number;
}

/**
 * Curves of a value over steps: neighbouring steps of a stage share a point, which has the mean and, as a band, the
 * quartiles of the values.
 *
 * @param samples - Anything that belongs to a step.
 * @param stages - No point spans two of them.
 * @param value - The value of a sample; one that is not finite is left out.
 * @returns One segment per stage, empty ones left out.
 */
export function binSteps<Sample extends Stepped>(
  samples: readonly Sample[],
  stages: readonly TrainedStage[],
  value: (sample: Sample) => number,
): LinePoint[][] {
  const steps = stages.reduce((sum, { firstStep, lastStep }) => sum + lastStep - firstStep + 1, 0);
  const width = Math.max(1, Math.ceil(steps / MOST_POINTS));
  return stages.flatMap(({ firstStep, lastStep }) => {
    const bins = new Map<number, { steps: number[]; values: number[] }>();
    for (const sample of samples) {
      if (sample.step < firstStep || sample.step > lastStep) continue;
      const sampled = value(sample);
      if (!Number.isFinite(sampled)) continue;
      const key = Math.floor((sample.step - firstStep) / width);
      const bin = bins.get(key) ?? { steps: [], values: [] };
      bin.steps.push(sample.step);
      bin.values.push(sampled);
      bins.set(key, bin);
    }
    const points = Array.from(bins)
      .sort(([a], [b]) => a - b)
      .map(([, bin]): LinePoint => ({
        x: mean(bin.steps) as number,
        y: mean(bin.values) as number,
        low: quantile(bin.values, 0.25) as number,
        high: quantile(bin.values, 0.75) as number,
      }));
    return points.length === 0 ? [] : [points];
  });
}
