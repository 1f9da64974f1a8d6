import { type GradedPairsFile, gradePairsFile } from "../difficulty/grade-pairs-file.js";
import { showProgress } from "../study/progress.js";
import { useOption, usesLine } from "./use-option.js";

/** What `scpo pairs grade` was given. */
export interface PairsGradeOptions {
  readonly file: string;
  readonly out: string;
  readonly stages: number;
  readonly trim: number;
  /** Columns and weights. */
  readonly use?: readonly string[];
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Grades a pairs file and says how. */
export async function pairsGrade(options: PairsGradeOptions): Promise<void> {
  const { file, out, stages, trim, use, json, signal } = options;
  const uses = useOption(use ?? []);
  const progress = showProgress();
  let graded: GradedPairsFile;
  try {
    const onProgress = (done: number, total: number): void => {
      if (done % 1000 === 0) progress.update("grade", "pairs written", done, total);
    };
    const how = { stages, trim, ...(uses === undefined ? {} : { uses }) };
    graded = await gradePairsFile({ pairs: file, out, ...how, signal, onProgress });
  } finally {
    progress.close();
  }
  process.stdout.write(json ? `${JSON.stringify(graded, null, 2)}\n` : `${gradedLines(graded, out).join("\n")}\n`);
}

/** What grading came to, in lines. */
export function gradedLines(graded: GradedPairsFile, out: string): string[] {
  const { pairs, signals, stages, trimmed, ungraded, uses, columnsLeftOut } = graded;
  const measured = Object.entries(signals).map(([name, count]) => `${name} ${count}`);
  const text = [
    `graded ${pairs - ungraded} of ${pairs} pairs to ${out}`,
    `difficulty: ${usesLine(uses)}`,
    `pairs with signal: ${measured.join(", ")}`,
    `stages: ${stages.join(", ")}`,
  ];
  if (trimmed > 0) text.push(`${trimmed} of the hardest have no stage`);
  if (ungraded > 0) text.push(`${ungraded} have none of these signals: no difficulty and no stage`);
  if (columnsLeftOut.length > 0) text.push(`columns not kept: ${columnsLeftOut.join(", ")}`);
  return text;
}
