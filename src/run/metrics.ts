import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { JsonlWriter, readAllJsonl } from "../telemetry/jsonl.js";

/** A line of `metrics.jsonl`: a step's report without its pairs, whose margins are in `pair-records.jsonl`. */
export type StepMetrics = Omit<StepReport, "pairs">;

/** Writes one line a step report. */
export interface MetricsFile {
  write(report: StepReport): Promise<void>;
  close(): Promise<void>;
}

/** Opens a metrics file for appending. */
export async function openMetrics(path: string): Promise<MetricsFile> {
  const writer = await JsonlWriter.open(path);
  const write = (report: StepReport) => {
    const { terms, accuracies } = report;
    // An undefined field is left out of the line.
    return writer.append({ ...report, terms: byName(terms), accuracies: byName(accuracies), pairs: undefined });
  };
  return { write, close: () => writer.close() };
}

/** Reads a metrics file; a torn last line is dropped. */
export async function readMetrics(path: string): Promise<StepMetrics[]> {
  return readAllJsonl<StepMetrics>(path);
}

/** A protobuf map comes in any order; equal runs shall write equal lines. */
function byName(values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
