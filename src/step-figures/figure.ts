import type { StepReport } from "../generated/scpo/v1/trainer.js";

/** Figures of a step report that a policy can follow. */
export type StepFigure = "loss" | "margin" | "accuracy" | "kl";

/** Whether progress makes a figure larger (1) or smaller (-1). */
export const direction: Readonly<Record<StepFigure, 1 | -1>> = { loss: -1, margin: 1, accuracy: 1, kl: 1 };

/**
 * One figure of a step, a mean over its pairs; what the loss does not compute is left out of the mean.
 *
 * - `loss`: as reported.
 * - `margin`: implicit rewards of matched minus mismatched texts, on both images of a pair (TRL's `rewards/margins`).
 * - `accuracy`: share of pairs with a positive margin, over the margins, 0 to 1.
 * - `kl`: `kl_reference`, the k2 estimate over the matched texts, nats a sequence.
 *
 * @returns NaN when the step's loss does not give the figure.
 */
export function stepFigure(
  report: Pick<StepReport, "loss" | "rewards" | "accuracies" | "klReference">,
  figure: StepFigure,
): number {
  switch (figure) {
    case "loss":
      return report.loss;
    case "margin": {
      const { rewards } = report;
      if (rewards === undefined) return Number.NaN;
      return meanOfKnown([
        rewards.chosenGivenImages - rewards.rejectedGivenImages,
        rewards.rejectedGivenRejectedImages - rewards.chosenGivenRejectedImages,
      ]);
    }
    case "accuracy":
      return meanOfKnown(Object.values(report.accuracies));
    case "kl":
      return report.klReference;
  }
}

/** Mean of the finite values; NaN without any. */
export function meanOfKnown(values: readonly number[]): number {
  const known = values.filter((value) => Number.isFinite(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
