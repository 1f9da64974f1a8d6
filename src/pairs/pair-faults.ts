import { TRUTH_SOURCES } from "./contrast-pair.js";
import type { PairRow } from "./pair-row.js";
import { looksEqual, textFault } from "./text-faults.js";

/** A column holds stages in 32 bits. */
const LARGEST_STAGE = 0x7fffffff;

/** What is wrong with a field of a pair. */
export interface PairFault {
  /** Name of the column. */
  readonly field: string;
  readonly found: string;
  readonly expected: string;
}

/**
 * Looks at the texts and numbers of a pair.
 *
 * @param row - Its fields; a rejected text that is null is still to be made and no fault.
 * @returns What is wrong first, or null.
 */
export function pairFault(
  row: Pick<PairRow, "prompt" | "chosen" | "rejected" | "rejectedTrueBy" | "difficulty" | "stage">,
): PairFault | null {
  for (const field of ["prompt", "chosen", "rejected"] as const) {
    const text = row[field];
    const fault = text === null ? null : textFault(text);
    if (fault !== null) return { field, ...fault };
  }
  if (row.rejected !== null && looksEqual(row.chosen, row.rejected)) {
    const expected = "expected two texts that differ in one fact: mend or drop the row";
    const found = row.chosen === row.rejected ? `are both "${row.chosen}"` : `both look like "${row.chosen}"`;
    return { field: "chosen and rejected", found, expected };
  }
  if (row.rejectedTrueBy !== null && !TRUTH_SOURCES.includes(row.rejectedTrueBy)) {
    const expected = `expected ${TRUTH_SOURCES.join(", ")}, or nothing: mend the value`;
    return { field: "rejected_true_by", found: `is "${String(row.rejectedTrueBy)}"`, expected };
  }
  const { difficulty, stage } = row;
  if (difficulty !== null && !(difficulty >= 0 && difficulty <= 1)) {
    const expected = "expected 0 (easy) to 1 (hard), or nothing: mend the value";
    return { field: "difficulty", found: `is ${difficulty}`, expected };
  }
  if (stage !== null && !(Number.isInteger(stage) && stage >= 0 && stage <= LARGEST_STAGE)) {
    const expected = "expected a whole number from 0 (trained first), or nothing: mend the value";
    return { field: "stage", found: `is ${stage}`, expected };
  }
  return null;
}
