import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import type { Sample } from "./results-file.js";

/**
 * What a metric noted about a sample.
 *
 * @param sample - A line of lmms-eval's samples.
 * @param metric - Name of the metric.
 * @throws UserError when the sample does not hold such a record.
 */
export function recordOf(sample: Sample, metric: string): Readonly<Record<string, unknown>> {
  const record = sample[metric];
  if (typeof record === "object" && record !== null && !Array.isArray(record)) return record as Record<string, unknown>;
  throw new UserError(`sample ${sample.doc_id}: field ${metric} is ${shown(record)}, expected an object`);
}

/** A number in a metric's record; throws UserError when it is none. */
export function numberOf(sample: Sample, metric: string, field: string): number {
  const value = recordOf(sample, metric)[field];
  if (typeof value === "number") return value;
  throw new UserError(`sample ${sample.doc_id}: field ${metric}.${field} is ${shown(value)}, expected a number`);
}

/** A text in a metric's record; throws UserError when it is none. */
export function textOf(sample: Sample, metric: string, field: string): string {
  const value = recordOf(sample, metric)[field];
  if (typeof value === "string") return value;
  throw new UserError(`sample ${sample.doc_id}: field ${metric}.${field} is ${shown(value)}, expected text`);
}
