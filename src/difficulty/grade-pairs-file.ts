import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import type { PairRow } from "../pairs/pair-row.js";
import { streamPairRows, writePairRows } from "../pairs/pair-rows.js";
import { streamTable } from "../pairs/table.js";
import { removeLeftovers } from "../write-atomically.js";
import { type GradedFile, gradeFile, type GradeFileRequest } from "./grade-file.js";

/** A pairs file to grade, and how; see {@link GradeFileRequest}. */
export interface GradePairsFileRequest extends Omit<GradeFileRequest, "signals" | "out" | "onProgress"> {
  /** Pairs file whose signals are measured. */
  readonly pairs: string;
  /** Pairs file to write. */
  readonly out: string;
  /** Hears how many pairs are written, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes a pairs file again with the difficulty and stage that its signals give; a trimmed pair has no stage.
 *
 * @param request - Files, grading and resources.
 * @returns Counts of pairs, signals and stages.
 * @throws UserError naming file, row and column at fault, or the option that is out of range.
 */
export async function gradePairsFile(request: GradePairsFileRequest): Promise<GradedFile> {
  const { pairs, out, onProgress, ...rest } = request;
  const grades = `${out}.${randomUUID()}.tmp`;
  await removeLeftovers(out);
  try {
    const graded = await gradeFile({ ...rest, signals: pairs, out: grades });
    const rows = async function* (): AsyncGenerator<PairRow, void, undefined> {
      const columns = [
        { name: "difficulty", kind: "double" as const },
        { name: "stage", kind: "int32" as const, optional: true },
      ];
      const grade = streamTable(grades, columns);
      let done = 0;
      for await (const row of streamPairRows(pairs)) {
        request.signal?.throwIfAborted();
        const { value } = await grade.next();
        if (!value) throw new Error(`${grades} has fewer rows than ${pairs}`);
        yield { ...row, difficulty: value["difficulty"] as number, stage: value["stage"] as number | null };
        onProgress?.((done += 1), graded.pairs);
      }
    };
    await writePairRows(out, rows());
    return graded;
  } finally {
    await rm(grades, { force: true });
  }
}
