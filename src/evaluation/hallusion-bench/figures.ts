import type { Metric, Mode } from "../benchmark.js";
import type { HallusionItem } from "./items.js";
import { TallySheet, type Totals } from "../tally-sheet.js";

/** 0: wrong; 1: right; 2: the answer does not commit itself. */
export type Verdict = 0 | 1 | 2;

/** A judged answer. */
export interface JudgedAnswer {
  item: HallusionItem;
  verdict: Verdict;
  /** Whether it agrees with the answer on the original; only where `needsAgreement`. */
  agrees: boolean;
}

/** Where a wrong answer comes from: language (hallucination), vision (illusion), or both. */
export type Cause = "language" | "vision" | "mixed";

/** Whether an answer counts as right: without an image, not committing itself is right too. */
function isRight(item: HallusionItem, verdict: Verdict): boolean {
  return verdict === 1 || (verdict === 2 && item.category === "VS" && item.original);
}

/** Whether the cause of a wrong answer depends on its agreement with the answer on the original. */
export function needsAgreement(item: HallusionItem, verdict: Verdict, original: Verdict): boolean {
  if (item.original || verdict !== 0) return false;
  if (item.category === "VD") return original === 1;
  return original === 0 || (original === 1 && item.visual === 2);
}

/**
 * Finds the cause of a wrong answer (arXiv 2310.14566, section on the diagnostic tree).
 *
 * @param answer - The judged answer.
 * @param original - Verdict on the same question about the original.
 * @returns The cause, null where nothing is wrong.
 */
export function causeOf({ item, verdict, agrees }: JudgedAnswer, original: Verdict): Cause | null {
  if (verdict === 1) return null;
  if (item.original) {
    if (item.category === "VD") return "vision";
    return verdict === 0 ? "language" : null;
  }
  if (item.category === "VD") return verdict === 0 && original === 1 && agrees ? "mixed" : "vision";
  if (original === 0) return verdict === 0 && agrees ? "language" : "mixed";
  if (original === 1 && verdict === 0 && item.visual === 2 && agrees) return "language";
  return "vision";
}

/**
 * Tallies judged answers by set: a question spans the figures of a set, so a set is what may be drawn on its own.
 *
 * @param answers - All of them.
 * @param mode - Decides what an easy or hard score counts, and whether unclear answers bias the share of yes.
 */
export function tally(answers: readonly JudgedAnswer[], mode: Mode): TallySheet {
  const sheet = new TallySheet();
  const verdicts = new Map(
    answers.filter(({ item }) => item.original).map(({ item, verdict }) => [item.pair, verdict]),
  );
  const groups = { figures: new Groups(), pairs: new Groups(), easy: new Groups(), hard: new Groups() };
  for (const answer of answers) {
    const { item, verdict } = answer;
    const right = isRight(item, verdict);
    for (const prefix of prefixes(item)) {
      sheet.add(item.set, `${prefix}n`, 1);
      sheet.add(item.set, `${prefix}right`, right ? 1 : 0);
    }
    if (item.category === "VD" || !item.original) groups.figures.add(item.figure, item, right);
    groups.pairs.add(item.pair, item, right);
    const level = item.visual === 2 ? groups.hard : groups.easy;
    level.add(mode === "strict" ? item.pair : item.id, item, right);
    const cause = causeOf(answer, verdicts.get(item.pair) as Verdict);
    if (cause !== null) sheet.add(item.set, cause, 1);
    if (mode === "fixed" && verdict === 2) continue;
    sheet.add(item.set, "committed", 1);
    sheet.add(item.set, "yes_said", right === item.yes ? 1 : 0);
    sheet.add(item.set, "yes_true", item.yes ? 1 : 0);
    sheet.add(item.set, "wrong", right ? 0 : 1);
    sheet.add(item.set, "wrong_no", right || item.yes ? 0 : 1);
  }
  for (const [name, { all }] of Object.entries(groups)) {
    for (const { item, n, right } of all.values()) {
      for (const prefix of prefixes(item)) {
        sheet.add(item.set, `${prefix}${name}`, 1);
        sheet.add(item.set, `${prefix}${name}_right`, right === n ? 1 : 0);
        if (name !== "figures") continue;
        sheet.add(item.set, `${prefix}figures_wrong`, right === 0 ? 1 : 0);
        sheet.add(item.set, `${prefix}figures_score`, right / n);
      }
    }
  }
  return sheet;
}

/** Counts right answers of groups: all questions of a figure, all figures of a question. */
class Groups {
  readonly all = new Map<string, { item: HallusionItem; n: number; right: number }>();

  add(id: string, item: HallusionItem, right: boolean): void {
    let group = this.all.get(id);
    if (group === undefined) this.all.set(id, (group = { item, n: 0, right: 0 }));
    group.n += 1;
    group.right += right ? 1 : 0;
  }
}

function prefixes(item: HallusionItem): string[] {
  return ["", `${item.category}/`];
}

const SHARES: readonly (readonly [name: string, title: string, part: string, whole: string])[] = [
  ["a_acc", "questions right (aAcc)", "right", "n"],
  ["f_acc", "figures with all questions right (fAcc)", "figures_right", "figures"],
  ["q_acc", "questions right on every figure (qAcc)", "pairs_right", "pairs"],
  ["easy_a_acc", "right on original images", "easy_right", "easy"],
  ["hard_a_acc", "right on edited images", "hard_right", "hard"],
];
const CAUSES: readonly (readonly [name: Cause, title: string])[] = [
  ["language", "errors by language hallucination"],
  ["vision", "errors by visual illusion"],
  ["mixed", "errors by both"],
];
const CATEGORIES = ["", "VD/", "VS/"] as const;

/** All figures of HallusionBench. */
export const METRICS: readonly Metric[] = [
  ...CATEGORIES.flatMap((prefix) =>
    SHARES.map(([name, title]): Metric => ({ name: `${prefix}${name}`, title, better: "higher", digits: 4 })),
  ),
  { name: "figure_score", title: "mean share of right answers a figure, 0 to 1", better: "higher", digits: 4 },
  { name: "inconsistent", title: "figures with right and wrong answers", better: "lower", digits: 4 },
  { name: "all_wrong", title: "figures with wrong answers alone", better: "lower", digits: 4 },
  { name: "yes_difference", title: "share of yes said less share of yes true, -1 to 1", better: "neither", digits: 4 },
  { name: "yes_errors", title: "share of yes among wrong answers, 0 to 1", better: "neither", digits: 4 },
  ...CAUSES.map(([name, title]): Metric => ({ name, title, better: "neither", digits: 4 })),
];

/** Figures from the sums of tallies; percentages but for those that the official script prints as shares. */
export function figuresOf(totals: Totals): Record<string, number | null> {
  const sum = (name: string): number => totals[name] ?? 0;
  const share = (part: number, whole: number, unit = 100): number | null =>
    whole === 0 ? null : (unit * part) / whole;
  const figures: Record<string, number | null> = {};
  for (const prefix of CATEGORIES) {
    for (const [name, , part, whole] of SHARES) {
      figures[`${prefix}${name}`] = share(sum(`${prefix}${part}`), sum(`${prefix}${whole}`));
    }
  }
  const mixed = sum("figures") - sum("figures_right") - sum("figures_wrong");
  const errors = sum("language") + sum("vision") + sum("mixed");
  return {
    ...figures,
    figure_score: share(sum("figures_score"), sum("figures"), 1),
    inconsistent: share(mixed, sum("figures")),
    all_wrong: share(sum("figures_wrong"), sum("figures")),
    yes_difference: share(sum("yes_said") - sum("yes_true"), sum("committed"), 1),
    yes_errors: share(sum("wrong_no"), sum("wrong"), 1),
    ...Object.fromEntries(CAUSES.map(([cause]) => [cause, share(sum(cause), errors)])),
  };
}
