import type { HeldOutReport, StepReport } from "../generated/scpo/v1/trainer.js";
import { JsonlWriter, readJsonl } from "../files/jsonl.js";

/** A step's report without its pairs. */
export type StepMetrics = Omit<StepReport, "pairs">;

/** The report without its pairs, and with its maps in the order of their names. */
export function stepMetrics(report: StepReport): StepMetrics {
  const metrics: StepMetrics & { pairs?: StepReport["pairs"] } = sorted(report);
  delete metrics.pairs;
  return metrics;
}

/** Writes one line a step report. */
export interface MetricsFile {
  write(report: StepReport): Promise<void>;
  /** Resolves when the disk has every line. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a metrics file for appending. */
export async function openMetrics(path: string): Promise<MetricsFile> {
  const writer = await JsonlWriter.open(path);
  return {
    write: (report) => writer.append(sorted(report)),
    sync: () => writer.sync(),
    close: () => writer.close(),
  };
}

/**
 * Reads a metrics file: everything that policies were told, so that they can be told again; a torn last line is dropped.
 *
 * @throws Error when a line before the last is damaged.
 */
export async function readMetrics(path: string): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  for await (const line of readJsonl(path)) reports.push(reportOf(line));
  return reports;
}

/** The report that a line of a metrics file was written from. */
export function reportOf(line: unknown): StepReport {
  return withNaN(line) as StepReport;
}

/** JSON has no NaN and writes null: a number that was not computed is NaN again, at any depth. */
export function withNaN<T>(value: T): T {
  if (value === null) return NaN as T;
  if (Array.isArray(value)) return value.map((item: unknown) => withNaN(item)) as T;
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withNaN<unknown>(item)])) as T;
}

/** A protobuf map comes in any order; equal runs shall write equal lines. */
function sorted(report: StepReport): StepReport {
  const { terms, accuracies, heldOut } = report;
  return {
    ...report,
    terms: byName(terms),
    accuracies: byName(accuracies),
    heldOut: heldOut && sortedHeldOut(heldOut),
  };
}

function sortedHeldOut(report: HeldOutReport): HeldOutReport {
  const { terms, accuracies, margins } = report;
  return { ...report, terms: byName(terms), accuracies: byName(accuracies), margins: byName(margins) };
}

function byName(values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
