import { copyFile, readFile } from "node:fs/promises";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { readJsonl, truncateAfter } from "../files/jsonl.js";
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
  /** The report of each step until then, the first step's first; read as they are asked for, once. */
  readonly reports: AsyncIterable<StepReport>;
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
  const told = await countReports(paths.metrics);
  if (told.damage !== null) damaged.push({ file: "metrics.jsonl", reason: told.damage });
  const usable = saved.filter(({ name, step }) => step <= told.reports && !without.has(name));
  const from = usable.at(-1) ?? { name: "", step: 0, entries: entries.findIndex(({ type }) => type === "plan") + 1 };
  await truncateAfter(paths.metrics, isUpTo(from.step));
  await truncateAfter(paths.pairRecords, isUpTo(from.step));
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
    reports: readReports(paths.metrics),
    saved: kept,
    microBatch,
    damaged,
  };
}

/** Counts the reports from the first step on, as far as they follow each other. */
async function countReports(path: string): Promise<{ reports: number; damage: string | null }> {
  let reports = 0;
  try {
    for await (const { step } of readJsonl<StepReport>(path)) {
      const expected = reports + 1;
      if (step !== expected) return { reports, damage: `step ${step} stands where step ${expected} was expected` };
      reports = step;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { reports, damage: null };
    return { reports, damage: (error as Error).message };
  }
  return { reports, damage: null };
}

/** Reads reports one by one: those of a long run do not fit into memory together. */
async function* readReports(path: string): AsyncGenerator<StepReport, void, undefined> {
  for await (const line of readJsonl(path)) yield reportOf(line);
}

async function cutLines(path: string, count: number): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, count);
  await writeAtomically(path, lines.map((line) => `${line}\n`).join(""));
}

/** Whether a line is of a step up to this one; one that cannot be read is of none. */
function isUpTo(step: number): (line: string) => boolean {
  return (line) => {
    try {
      return (JSON.parse(line) as { step: number }).step <= step;
    } catch {
      return false;
    }
  };
}
