import { type GradedPairsFile, gradePairsFile } from "../difficulty/grade-pairs-file.js";
import { showProgress } from "../progress/progress.js";
import { writeAtomically } from "../files/write-atomically.js";
import { gradingFrom, gradingLine, type GradingOptions } from "./grading-options.js";

/** What `scpo pairs grade` was given. */
export interface PairsGradeOptions extends GradingOptions {
  readonly file: string;
  readonly out: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Where the summary of a grading lies. */
function gradeSummaryPath(out: string): string {
  return `${out}.grade.json`;
}

/** Grades a pairs file and says how. */
export async function pairsGrade(options: PairsGradeOptions): Promise<void> {
  const { file, out, json, signal } = options;
  const grading = gradingFrom(options);
  const progress = showProgress();
  let graded: GradedPairsFile;
  try {
    const onProgress = (done: number, total: number): void => progress.update("grade", "pairs written", done, total);
    graded = await gradePairsFile({ pairs: file, out, ...grading, signal, onProgress });
  } finally {
    progress.close();
  }
  const { grading: choices, ...counts } = graded;
  const summary = `${JSON.stringify({ ...counts, choices: { file, ...choices } }, null, 2)}\n`;
  await writeAtomically(gradeSummaryPath(out), summary);
  process.stdout.write(json ? summary : `${gradedLines(graded, out).join("\n")}\n`);
}

/** What grading came to, in lines. */
export function gradedLines(graded: GradedPairsFile, out: string): string[] {
  const { pairs, signals, stages, trimmed, ungraded, grading, columnsLeftOut } = graded;
  const measured = Object.entries(signals).map(([name, count]) => `${name} ${count}`);
  const text = [
    `graded ${pairs - ungraded} of ${pairs} pairs to ${out}`,
    `difficulty: ${gradingLine(grading)}`,
    `pairs with signal: ${measured.join(", ")}`,
    `stages: ${stages.join(", ")}`,
  ];
  if (trimmed > 0) text.push(`${trimmed} of the hardest have no stage`);
  if (ungraded > 0) text.push(`${ungraded} lack these signals: no difficulty and no stage`);
  if (columnsLeftOut.length > 0) text.push(`columns not kept: ${columnsLeftOut.join(", ")}`);
  return text;
}
