import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";
import type { Verdict } from "./figures.js";

/** Field in which the official script keeps a verdict. */
const RECORDED = "gpt4v_output_gpt_check";

/** The word yes or no that an answer begins with, in lower case. */
export function literalAnswer(answer: string): string | undefined {
  return /^\W*(yes|no)\b/i.exec(answer)?.[1]?.toLowerCase();
}

/**
 * Takes the verdict that a file which was judged before brings along.
 *
 * @throws UserError when it is none.
 */
export function recordedVerdict(row: FileRow): Verdict | undefined {
  const verdict = (row.value as Record<string, unknown>)[RECORDED];
  if (verdict === undefined) return undefined;
  const found = ([0, 1, 2] as const).find((each) => verdict === each || verdict === String(each));
  if (found !== undefined) return found;
  throw new UserError(`${place(row)}: field ${RECORDED} is ${shown(verdict)}, expected 0, 1 or 2`);
}

/**
 * Takes the agreement with the answer on the original that a file which was judged before brings along.
 *
 * @throws UserError when it is neither 0 nor 1.
 */
export function recordedAgreement(row: FileRow): boolean | undefined {
  const { same } = row.value as { same?: unknown };
  if (same === undefined) return undefined;
  if (same === "1" || same === 1) return true;
  if (same === "0" || same === 0) return false;
  throw new UserError(`${place(row)}: field same is ${shown(same)}, expected 0 or 1`);
}
