import type { StudyResult } from "./study-result.js";
import type { Bar } from "./charts/bar-panel.js";
import { modelColour } from "./charts/colours.js";

/** The two figures that belong together: hallucination often falls at the cost of coverage. */
export const HEADLINE_PANELS = [
  { figure: "chair_s", title: "Captions that name something absent (CHAIRs)", hint: "lower is better" },
  { figure: "cover", title: "Objects in the picture that are named (coverage)", hint: "higher is better" },
] as const;

/**
 * Bars of one figure, model by model.
 *
 * @param models - Scores by model.
 * @param labels - Names for people; a missing one is the key.
 */
export function headlineBars(
  models: StudyResult["models"],
  labels: Readonly<Record<string, string>>,
  figure: "chair_s" | "cover",
): Bar[] {
  const keys = Object.keys(models);
  return Object.entries(models).map(([key, scores]) => ({
    label: labels[key] ?? key,
    colour: modelColour(key, keys),
    value: scores.metrics[figure] ?? null,
    interval: scores.interval[figure] ?? null,
  }));
}
