import { readFile } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { writeAtomically } from "../../files/write-atomically.js";
import { ROW_CHECKS, type RowCheck, type Severity } from "./findings.js";

/** A finding about a row, as a line of a findings file holds it. */
export interface RowFinding {
  /** From 0. */
  readonly row: number;
  readonly id: string;
  readonly check: RowCheck;
  readonly severity: Severity;
  readonly text: string;
}

const names = Object.keys(ROW_CHECKS) as [RowCheck, ...RowCheck[]];
const schema = z.object({
  row: z.int().min(0),
  id: z.string(),
  check: z.enum(names),
  severity: z.enum(["error", "warning"]),
  text: z.string(),
});

/**
 * Writes all findings about rows, a line each, in the order of the rows.
 *
 * @param path - File of JSON lines; written when there are none too.
 */
export async function writeFindings(path: string, findings: readonly RowFinding[]): Promise<void> {
  const sorted = [...findings].sort((one, other) => one.row - other.row);
  await writeAtomically(path, sorted.map((finding) => `${JSON.stringify(finding)}\n`).join(""));
}

/**
 * Reads a findings file.
 *
 * @throws UserError naming the line that holds something else.
 */
export async function readFindings(path: string): Promise<RowFinding[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new UserError(
      `${path}: cannot be read (${(error as Error).message}); write it with scpo pairs check --findings`,
    );
  });
  return text.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    try {
      return [schema.parse(JSON.parse(line))];
    } catch {
      throw new UserError(
        `${path}, line ${at + 1}: is no finding; write the file again with scpo pairs check --findings`,
      );
    }
  });
}
