import type { Metric } from "../benchmark.js";
import { TallySheet } from "../tally-sheet.js";
import { numberOf } from "./metric-record.js";
import { percentage, type TaskScorer } from "./task-scorer.js";

const METRICS: readonly Metric[] = [
  { name: "amber_chair", title: "hallucinated nouns", better: "lower", digits: 2 },
  { name: "amber_cover", title: "annotated objects that are named", better: "higher", digits: 2 },
  { name: "amber_hal", title: "answers with a hallucination", better: "lower", digits: 2 },
  { name: "amber_cog", title: "hallucinations that people would have too", better: "lower", digits: 2 },
];

const COUNTS = [
  ["amber_chair", "chair_score", "chair_num"],
  ["amber_cover", "safe_cover_score", "safe_cover_num"],
  ["amber_hal", "non_hallu_score", "non_hallu_num"],
  ["amber_cog", "hallu_cover_score", "hallu_cover_num"],
] as const;

/**
 * AMBER, generative: lmms-eval marks Cog as higher-is-better, and adds the official guard against a division by zero,
 * 0.001, to the denominators once an answer rather than once.
 */
export const amberTask: TaskScorer = {
  knows: ({ printed }) => printed.has("amber_cog"),
  score({ samples }, mode) {
    const sheet = new TallySheet();
    for (const sample of samples) {
      for (const [metric, part, whole] of COUNTS) {
        const of = numberOf(sample, metric, whole);
        sheet.add(String(sample.doc_id), part, numberOf(sample, metric, part));
        // Counts are whole numbers; what lies behind the point is the guard.
        sheet.add(String(sample.doc_id), whole, mode === "strict" ? of : Math.floor(of + 1e-9));
      }
    }
    return {
      sheet,
      n: samples.length,
      metrics: METRICS.map((metric) =>
        metric.name === "amber_cog" && mode === "strict" ? { ...metric, better: "higher" } : metric,
      ),
      figures(totals) {
        const figure = (part: string, whole: string) => percentage(totals[part], totals[whole]);
        const free = figure("non_hallu_score", "non_hallu_num");
        return {
          amber_chair: figure("chair_score", "chair_num"),
          amber_cover: figure("safe_cover_score", "safe_cover_num"),
          amber_hal: free === null ? null : 100 - free,
          amber_cog: figure("hallu_cover_score", "hallu_cover_num"),
        };
      },
      notes: [
        mode === "strict"
          ? "lmms-eval marks amber_cog as higher-is-better, yet lower is better; --mode fixed says so"
          : "amber_cog: lower is better, whatever lmms-eval's configuration says; the 0.001 an answer that it adds to " +
            "the denominators is taken out",
      ],
    };
  },
};
