import type { LogEntry } from "./entries.js";
import { readEntries } from "./read.js";

/**
 * What of a run's log is the same in every run of the same plan, weights and policies, whether it died in between or not:
 * the entries that count, without notes of how the run came through its faults and of progress, and without what clocks,
 * memory, telemetry and places say. Entries and fields that are added to the log count as equal unless they are named here.
 */
export async function readEqualPart(path: string): Promise<object[]> {
  const part: object[] = [];
  for await (const entry of readEntries(path)) if (!NOTES.has(entry.type)) part.push(bare(entry));
  return part;
}

const NOTES: ReadonlySet<LogEntry["type"]> = new Set<LogEntry["type"]>([
  "claimed",
  "resumed",
  "table",
  "training-saved",
  "checkpoint-damaged",
  "file-damaged",
  "trainer-exited",
  "micro-batch-halved",
  "evaluation-started",
  "evaluation-progress",
]);

const FREE: ReadonlySet<string> = new Set(["path", "seconds", "tableSeconds", "memoryBytes", "telemetry"]);

function bare(entry: LogEntry): object {
  return JSON.parse(JSON.stringify(entry, (name, value: unknown) => (FREE.has(name) ? undefined : value))) as object;
}
