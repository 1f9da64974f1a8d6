import { truncateAfter } from "../files/jsonl.js";
import type { LogEntry, RunBeginning } from "./log/entries.js";
import { entryOf, type FoldedLog } from "./log/fold.js";
import { readEntries, readWhole } from "./log/read.js";
import type { RunPaths } from "./run-files.js";
import { sweepTrainings } from "./run-files.js";

/** What a run's log holds up to the saved training that it resumes from. */
export interface History extends Pick<FoldedLog, "microBatch" | "damage"> {
  /** Name of the saved training; empty: from the beginning. */
  readonly name: string;
  /** Its optimiser step; 0: from the beginning. */
  readonly step: number;
  /** Undefined when the run never began. */
  readonly begun: RunBeginning | undefined;
  /** What happened until then; read as it is asked for, once. */
  readonly entries: AsyncIterable<LogEntry>;
  /** Names of the saved trainings that stay, oldest first. */
  readonly saved: readonly string[];
}

/**
 * Finds the newest saved training that the log can lead up to; what comes later is done again.
 *
 * @param without Names of saved trainings that are of no use.
 */
export async function goBackToSaved(paths: RunPaths, without: ReadonlySet<string>): Promise<History> {
  const folded = await readWhole(paths.log);
  const usable = folded.saved.filter(({ name }) => !without.has(name));
  const { name, step, sequence } = usable.at(-1) ?? { name: "", step: 0, sequence: 0 };
  await truncateAfter(paths.pairRecords, isUpTo(step));
  const saved = usable.flatMap((training) => (training.step > 0 ? [training.name] : []));
  await sweepTrainings(paths.checkpoints, saved);
  const { microBatch, damage } = folded;
  const entries = readEntries(paths.log, folded, sequence);
  return { name, step, begun: entryOf(folded, "started"), entries, saved, microBatch, damage };
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
