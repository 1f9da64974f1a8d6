import { TallySheet, type Totals } from "../tally-sheet.js";
import { recordOf, textOf } from "./metric-record.js";
import { percentage, share, type TaskScorer } from "./task-scorer.js";

const METRIC = "cv_bench_acc";

/** Mean of defined figures, null when one is not defined. */
function mean(figures: readonly (number | null)[]): number | null {
  if (figures.length === 0 || figures.includes(null)) return null;
  return figures.reduce<number>((sum, figure) => sum + (figure as number), 0) / figures.length;
}

/**
 * CV-Bench: lmms-eval prints the share of all questions; the published figure is the mean of the 2D accuracy, itself the
 * mean over ADE20K and COCO, and of the 3D accuracy.
 */
export const cvBenchTask: TaskScorer = {
  knows: ({ printed }) => printed.has(METRIC),
  score({ samples }, mode) {
    const sheet = new TallySheet();
    const sources = new Set<string>();
    for (const sample of samples) {
      const source = textOf(sample, METRIC, "source");
      sources.add(source);
      sheet.add(String(sample.doc_id), `${source}/asked`, 1);
      if (recordOf(sample, METRIC)["is_correct"] === true) sheet.add(String(sample.doc_id), `${source}/right`, 1);
    }
    const names = [...sources].sort();
    const flat = names.filter((source) => source !== "Omni3D");
    const accuracy = (totals: Totals, source: string) =>
      percentage(totals[`${source}/right`], totals[`${source}/asked`]);
    const official = (totals: Totals): number | null => {
      const parts = flat.length === 0 ? [] : [mean(flat.map((source) => accuracy(totals, source)))];
      if (sources.has("Omni3D")) parts.push(accuracy(totals, "Omni3D"));
      return mean(parts);
    };
    const micro = (totals: Totals) => {
      const sum = (what: string) => names.reduce((all, source) => all + (totals[`${source}/${what}`] ?? 0), 0);
      return percentage(sum("right"), sum("asked"));
    };
    return {
      sheet,
      n: samples.length,
      metrics: [
        share(METRIC, mode === "strict" ? "share of all questions" : "mean of 2D and 3D accuracy"),
        ...names.map((source) => share(`${source}/${METRIC}`, `accuracy on ${source}`)),
      ],
      figures: (totals) => ({
        [METRIC]: mode === "strict" ? micro(totals) : official(totals),
        ...Object.fromEntries(names.map((source) => [`${source}/${METRIC}`, accuracy(totals, source)])),
      }),
      notes: [
        mode === "strict"
          ? "lmms-eval's cv_bench_acc is the share of all questions; --mode fixed gives the published formula"
          : "cv_bench_acc is the mean of 2D (mean of its sources) and 3D; lmms-eval's own is the share of all questions",
      ],
    };
  },
};
