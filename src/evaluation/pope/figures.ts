import type { Metric, Mode } from "../benchmark.js";
import type { Totals } from "../tally-sheet.js";
import type { Split } from "./files.js";

const KINDS = [
  { name: "accuracy", title: "accuracy", better: "higher", digits: 2 },
  { name: "precision", title: "precision", better: "higher", digits: 2 },
  { name: "recall", title: "recall", better: "higher", digits: 2 },
  { name: "f1", title: "F1", better: "higher", digits: 2 },
  { name: "yes_ratio", title: "share of yes among the answers", better: "neither", digits: 2 },
] as const satisfies readonly Metric[];

const UNREAD = {
  name: "unread",
  title: "answers that decide nothing",
  better: "lower",
  digits: 2,
} as const satisfies Metric;

/** The metrics of the splits and, first, their means. */
export function popeMetrics(splits: readonly Split[], mode: Mode): Metric[] {
  const kinds: readonly Metric[] = mode === "strict" ? KINDS : [...KINDS, UNREAD];
  return [
    ...kinds.map((kind) => (splits.length === 1 ? kind : { ...kind, title: `${kind.title}, mean of splits` })),
    ...splits.flatMap((split) => kinds.map((kind) => ({ ...kind, name: `${split}/${kind.name}` }))),
  ];
}

/**
 * POPE's figures from counts; an answer that is neither yes nor no is wrong.
 *
 * Source: POPE (arXiv 2305.10355); theirs. The mean over splits is LLaVA's way of printing one figure.
 *
 * @param splits - Those that were answered.
 * @param totals - Counts `split/tp`, `fp`, `tn`, `fn`, `yesUnread`, `noUnread`.
 * @returns Percentages; null where a denominator is 0.
 */
export function popeFigures(splits: readonly Split[], totals: Totals): Record<string, number | null> {
  const figures: Record<string, number | null> = {};
  for (const split of splits) {
    for (const [name, value] of Object.entries(splitFigures(split, totals))) figures[`${split}/${name}`] = value;
  }
  for (const { name } of [...KINDS, UNREAD]) {
    const values = splits.map((split) => figures[`${split}/${name}`] ?? null).filter((value) => value !== null);
    const sum = values.reduce((all, value) => all + value, 0);
    figures[name] = values.length < splits.length ? null : sum / splits.length;
  }
  return figures;
}

function splitFigures(split: Split, totals: Totals): Record<string, number | null> {
  const count = (outcome: string): number => totals[`${split}/${outcome}`] ?? 0;
  const [tp, fp, tn, fn] = [count("tp"), count("fp"), count("tn"), count("fn")];
  const unread = count("yesUnread") + count("noUnread");
  const all = tp + fp + tn + fn + unread;
  const precision = percentage(tp, tp + fp);
  const recall = percentage(tp, tp + fn + count("yesUnread"));
  const both = precision === null || recall === null || precision + recall === 0;
  return {
    accuracy: percentage(tp + tn, all),
    precision,
    recall,
    f1: both ? null : (2 * precision * recall) / (precision + recall),
    yes_ratio: percentage(tp + fp, all),
    unread: percentage(unread, all),
  };
}

function percentage(part: number, whole: number): number | null {
  return whole === 0 ? null : (100 * part) / whole;
}
