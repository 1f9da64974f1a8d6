import type { ReferenceAtOpen } from "../reference/reference.js";
import { JsonlWriter, readAllJsonl } from "../telemetry/jsonl.js";
import type { RunOutcome } from "./events.js";
import type { RecordedPlan } from "./plan.js";

/** A line of `journal.jsonl`. It holds no wall-clock time and no path outside the run's folder: equal runs, equal lines. */
export type JournalEntry =
  | { type: "plan"; plan: RecordedPlan; weightsSha256: string }
  | { type: "stage-opened"; stage: number; name: string; steps: number; reference: ReferenceAtOpen }
  | {
      type: "decision";
      step: number;
      stage: number;
      loss: number;
      reason: string;
      /** Share of the policy in the moved reference; null: the reference stays. */
      moveReferenceAlpha: number | null;
      /** Name of the checkpoint; empty: none. */
      checkpoint: string;
      endStage: boolean;
      stop: boolean;
    }
  | { type: "checkpoint"; step: number; stage: number; name: string; weightsSha256: string }
  | { type: "stage-closed"; stage: number; steps: number; unusedPairs: number[] }
  | { type: "ended"; outcome: RunOutcome; reason: string; steps: number };

/** The append-only record of a run; an entry is on the disk before the run goes on. */
export interface Journal {
  write(entry: JournalEntry): Promise<void>;
  close(): Promise<void>;
}

/** Opens the journal for appending. */
export async function openJournal(path: string): Promise<Journal> {
  const writer = await JsonlWriter.open(path, { sync: true });
  return { write: (entry) => writer.append(entry), close: () => writer.close() };
}

/**
 * Reads a journal; a torn last line is dropped.
 *
 * @throws Error when a line before the last is damaged.
 */
export async function readJournal(path: string): Promise<JournalEntry[]> {
  return readAllJsonl<JournalEntry>(path);
}
