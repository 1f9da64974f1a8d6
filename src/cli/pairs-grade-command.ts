import { UserError } from "../errors.js";
import type { GradedFile } from "../difficulty/grade-file.js";
import { DEFAULT_SIGNALS, SIGNALS, type SignalName, type SignalUse } from "../difficulty/grade.js";
import { gradePairsFile } from "../difficulty/grade-pairs-file.js";
import { showProgress } from "../study/progress.js";

/** What `scpo pairs grade` was given. */
export interface PairsGradeOptions {
  readonly file: string;
  readonly out: string;
  readonly stages: number;
  readonly trim: number;
  readonly without: readonly string[];
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Grades a pairs file and says how. */
export async function pairsGrade(options: PairsGradeOptions): Promise<void> {
  const { file, out, stages, trim, without, json, signal } = options;
  for (const name of without) {
    if ((SIGNALS as readonly string[]).includes(name)) continue;
    throw new UserError(`--without: found ${name}, expected one of ${SIGNALS.join(", ")}`);
  }
  const uses = Object.fromEntries(
    SIGNALS.map((name) => [name, without.includes(name) ? { sign: 1, weight: 0 } : DEFAULT_SIGNALS[name]]),
  ) as Record<SignalName, SignalUse>;
  const progress = showProgress();
  let graded: GradedFile;
  try {
    const onProgress = (done: number, total: number): void => {
      if (done % 1000 === 0) progress.update("grade", "pairs written", done, total);
    };
    graded = await gradePairsFile({ pairs: file, out, stages, trim, uses, signal, onProgress });
  } finally {
    progress.close();
  }
  process.stdout.write(json ? `${JSON.stringify(graded, null, 2)}\n` : lines(graded, out));
}

function lines({ pairs, signals, stages, trimmed }: GradedFile, out: string): string {
  const measured = Object.entries(signals).map(([name, count]) => `${name} ${count}`);
  const text = [`graded ${pairs} pairs to ${out}`, `signals: ${measured.join(", ")}`, `stages: ${stages.join(", ")}`];
  if (trimmed > 0) text.push(`${trimmed} of the hardest have no stage`);
  return `${text.join("\n")}\n`;
}
