import type { Metric, Mode, Scored } from "../benchmark.js";
import type { PrintedFigures, Sample } from "./results-file.js";

/** What a results file says of a task. */
export interface Task {
  name: string;
  printed: PrintedFigures;
  /** Which way metrics improve, as its configuration says. */
  higherIsBetter: Readonly<Record<string, boolean | null>>;
  samples: readonly Sample[];
}

/** Figures of a task from its samples. */
export interface TaskScored extends Scored {
  notes: readonly string[];
}

/** Knows the tasks of one family and what is wrong with their figures. */
export interface TaskScorer {
  /** Whether it knows the task. */
  knows(task: Task): boolean;
  /**
   * Scores from the samples: strict as lmms-eval does, fixed without its defect.
   *
   * @throws UserError when the samples are not those of the task.
   */
  score(task: Task, mode: Mode): TaskScored;
}

/** 100 times a share; null for none of none. */
export function percentage(part: number | undefined, whole: number | undefined): number | null {
  return whole === undefined || whole === 0 ? null : (100 * (part ?? 0)) / whole;
}

/** A percentage that improves upwards, to two digits. */
export function share(name: string, title: string): Metric {
  return { name, title, better: "higher", digits: 2 };
}
