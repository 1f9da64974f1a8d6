import type { Metric } from "../benchmark.js";
import type { Totals } from "../tally-sheet.js";
import { GROUPS, HALLUCINATION_TASKS } from "./tasks.js";

const SUMS: readonly { name: string; title: string; tasks: readonly string[] }[] = [
  { name: "perception", title: "sum of the perception scores, at most 2000", tasks: GROUPS.perception },
  { name: "cognition", title: "sum of the cognition scores, at most 800", tasks: GROUPS.cognition },
  {
    name: "hallucination",
    title: "sum of existence, count, position and colour, at most 800",
    tasks: HALLUCINATION_TASKS,
  },
];

/** The metrics of the tasks and, first, the sums of which every task was answered. */
export function mmeMetrics(tasks: readonly string[]): Metric[] {
  return [
    ...SUMS.filter((sum) => sum.tasks.every((task) => tasks.includes(task))).map(({ name, title }): Metric => {
      return { name, title, better: "higher", digits: 2 };
    }),
    ...tasks.flatMap((task): Metric[] => [
      { name: `${task}/score`, title: "accuracy and accuracy+ added, at most 200", better: "higher", digits: 2 },
      { name: `${task}/accuracy`, title: "questions answered right", better: "higher", digits: 2 },
      { name: `${task}/accuracy_plus`, title: "images with both answers right", better: "higher", digits: 2 },
      { name: `${task}/other`, title: "answers that are neither yes nor no", better: "lower", digits: 2 },
    ]),
  ];
}

/**
 * MME's figures from counts.
 *
 * Source: MME (arXiv 2306.13394); theirs.
 *
 * @param tasks - Those that were answered.
 * @param totals - Counts `task/questions`, `right`, `other`, `pairs`, `both`.
 * @returns Percentages, and scores that add them; null where a denominator is 0.
 */
export function mmeFigures(tasks: readonly string[], totals: Totals): Record<string, number | null> {
  const figures: Record<string, number | null> = {};
  const scores = new Map<string, number>();
  for (const task of tasks) {
    const share = (part: string, whole: string): number | null => {
      const all = totals[`${task}/${whole}`] ?? 0;
      return all === 0 ? null : (100 * (totals[`${task}/${part}`] ?? 0)) / all;
    };
    const accuracy = share("right", "questions");
    const accuracyPlus = share("both", "pairs");
    const score = accuracy === null || accuracyPlus === null ? null : accuracy + accuracyPlus;
    if (score !== null) scores.set(task, score);
    figures[`${task}/score`] = score;
    figures[`${task}/accuracy`] = accuracy;
    figures[`${task}/accuracy_plus`] = accuracyPlus;
    figures[`${task}/other`] = share("other", "questions");
  }
  for (const { name, tasks } of SUMS) {
    const complete = tasks.every((task) => scores.has(task));
    figures[name] = complete ? tasks.reduce((sum, task) => sum + (scores.get(task) as number), 0) : null;
  }
  return figures;
}
