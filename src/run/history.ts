import { copyFile, readFile, truncate } from "node:fs/promises";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { readJsonl } from "../files/jsonl.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { JournalEntry } from "./journal.js";
import { foldJournal, openJournal, readJournalLines } from "./journal.js";
import { reportOf } from "./metrics.js";
import type { RunPaths } from "./run-files.js";
import { sweepTrainings } from "./run-files.js";

/** What the run's files say of it, up to the saved training from which it goes on. */
export interface History {
  /** Name of the saved training; empty: from the beginning. */
  readonly name: string;
  /** Its optimiser step; 0: from the beginning. */
  readonly step: number;
  /** What happened until then; without a plan when the run never began. */
  readonly entries: readonly JournalEntry[];
  /** The report of each step until then, the first step's first. */
  readonly reports: readonly StepReport[];
  /** Names of the saved trainings that stay, oldest first. */
  readonly saved: readonly string[];
  readonly microBatch: { readonly batchSize: number; readonly gradientAccumulationSteps: number } | null;
  /** Files that could be read in part only. */
  readonly damaged: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Finds the newest saved training that the files can lead up to, and cuts the files back to it: what comes later is
 * done again. A file with a damaged line is cut before it; the journal's whole text stays beside it.
 *
 * @param without Names of saved trainings that are of no use.
 */
export async function goBackToSaved(paths: RunPaths, without: ReadonlySet<string>): Promise<History> {
  const damaged: { file: string; reason: string }[] = [];
  const { lines, damagedLine } = await readJournalLines(paths.journal);
  if (damagedLine !== null) {
    damaged.push({ file: "journal.jsonl", reason: `line ${damagedLine} cannot be read` });
    await copyFile(paths.journal, `${paths.journal}.damaged`);
    await cutLines(paths.journal, damagedLine - 1);
  }
  const { entries, saved, microBatch } = foldJournal(lines);
  const told = await readReports(paths.metrics);
  if (told.damage !== null) damaged.push({ file: "metrics.jsonl", reason: told.damage });
  const usable = saved.filter(({ name, step }) => step <= told.reports.length && !without.has(name));
  const from = usable.at(-1) ?? { name: "", step: 0, entries: entries.findIndex(({ type }) => type === "plan") + 1 };
  await cutAfterStep(paths.metrics, from.step);
  await cutAfterStep(paths.pairRecords, from.step);
  const kept = usable.map(({ name }) => name);
  await sweepTrainings(paths.checkpoints, kept);
  if (lines.length > 0) {
    const journal = await openJournal(paths.journal);
    await journal.write({ type: "resumed", step: from.step });
    await journal.close();
  }
  return {
    name: from.name,
    step: from.step,
    entries: entries.slice(0, from.entries),
    reports: told.reports.slice(0, from.step),
    saved: kept,
    microBatch,
    damaged,
  };
}

/** Reports from the first step on, as far as they follow each other. */
async function readReports(path: string): Promise<{ reports: StepReport[]; damage: string | null }> {
  const reports: StepReport[] = [];
  try {
    for await (const line of readJsonl(path)) {
      const report = reportOf(line);
      if (report.step !== reports.length + 1) {
        return { reports, damage: `step ${report.step} stands where step ${reports.length + 1} was expected` };
      }
      reports.push(report);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { reports, damage: null };
    return { reports, damage: (error as Error).message };
  }
  return { reports, damage: null };
}

async function cutLines(path: string, count: number): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, count);
  await writeAtomically(path, lines.map((line) => `${line}\n`).join(""));
}

/** Cuts a file of JSON lines with rising steps before the first line of a later step, or that cannot be read. */
async function cutAfterStep(path: string, step: number): Promise<void> {
  let kept = 0;
  try {
    const content = await readFile(path);
    for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, kept)) {
      if (!isUpTo(step, content.toString("utf8", kept, end))) break;
      kept = end + 1;
    }
    if (kept < content.length) await truncate(path, kept);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function isUpTo(step: number, line: string): boolean {
  try {
    return (JSON.parse(line) as { step: number }).step <= step;
  } catch {
    return false;
  }
}
