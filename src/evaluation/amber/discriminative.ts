import type { Metric, Mode } from "../benchmark.js";
import type { TallySheet, Totals } from "../tally-sheet.js";
import { readYesNoByWord, type YesNo } from "../yes-no.js";
import { KINDS, type Question } from "./annotations.js";
import { officialPercentage, roundToTenth } from "./rounding.js";

/** Groups of questions that have figures of their own: kinds, and the attributes together. */
const GROUPS: Readonly<Record<string, readonly Question["kind"][]>> = {
  existence: ["existence"],
  attribute: ["state", "number", "action"],
  state: ["state"],
  number: ["number"],
  action: ["action"],
  relation: ["relation"],
};

const OVERALL: readonly Metric[] = [
  { name: "accuracy", title: "accuracy", better: "higher", digits: 1 },
  { name: "precision", title: "precision of no", better: "higher", digits: 1 },
  { name: "recall", title: "recall of no", better: "higher", digits: 1 },
  { name: "f1", title: "F1 of no", better: "higher", digits: 1 },
];

/** Metrics of questions: of all, then of each group. */
export const DISCRIMINATIVE_METRICS: readonly Metric[] = [
  ...OVERALL,
  ...Object.keys(GROUPS).flatMap((group) => OVERALL.map((metric) => ({ ...metric, name: `${group}/${metric.name}` }))),
];

/** Little amounts that the official script adds to the sum of precision and recall, as shares. */
const ADDED = 0.0001;
const ADDED_TO_EXISTENCE = 0.001;

/**
 * Reads an answer.
 *
 * @param response - A model's answer.
 * @param mode - Strict knows "Yes" and "No" alone; fixed takes the first deciding word of the first sentence.
 * @returns null for neither, which counts as wrong.
 */
export function readAnswer(response: string, mode: Mode): YesNo {
  if (mode === "fixed") return readYesNoByWord(response);
  return response === "Yes" ? "yes" : response === "No" ? "no" : null;
}

/**
 * Counts an answer to a question.
 *
 * @param said - As `readAnswer` returns it.
 * @param question - With its true answer.
 * @param sheet - Takes the counts.
 */
export function tallyAnswer(said: YesNo, question: Question, sheet: TallySheet): void {
  const { image, kind, truth } = question;
  sheet.add(image, `${kind}/questions`, 1);
  if (said === truth) sheet.add(image, `${kind}/right`, 1);
  if (truth === "no") sheet.add(image, `${kind}/no`, 1);
  if (said === "no") sheet.add(image, `${kind}/saidNo`, 1);
  if (said === "no" && truth === "no") sheet.add(image, `${kind}/rightNo`, 1);
}

/**
 * AMBER's figures of questions; "no" is the positive class.
 *
 * Source: AMBER (arXiv 2311.07397); theirs.
 *
 * @param totals - Sums of counts.
 * @param mode - Strict rounds to one digit and computes F1 from rounded figures.
 * @returns Percentages; null where a denominator is 0.
 */
export function discriminativeFigures(totals: Totals, mode: Mode): Record<string, number | null> {
  const figures: Record<string, number | null> = {};
  for (const [group, kinds] of [["", KINDS] as const, ...Object.entries(GROUPS)]) {
    const sum = (count: string): number => kinds.reduce((all, kind) => all + (totals[`${kind}/${count}`] ?? 0), 0);
    const precision = officialPercentage(sum("rightNo"), sum("saidNo"), mode);
    const recall = officialPercentage(sum("rightNo"), sum("no"), mode);
    const both = sum("saidNo") + sum("no");
    const exact = both === 0 ? null : (100 * 2 * sum("rightNo")) / both;
    const added = group === "existence" ? ADDED_TO_EXISTENCE : ADDED;
    const prefix = group === "" ? "" : `${group}/`;
    figures[`${prefix}accuracy`] = officialPercentage(sum("right"), sum("questions"), mode);
    figures[`${prefix}precision`] = precision;
    figures[`${prefix}recall`] = recall;
    figures[`${prefix}f1`] = mode === "fixed" || exact === null ? exact : roundedF1(precision ?? 0, recall ?? 0, added);
  }
  return figures;
}

function roundedF1(precision: number, recall: number, added: number): number {
  const [p, r] = [precision / 100, recall / 100];
  return roundToTenth(((2 * p * r) / (p + r + added)) * 100);
}
