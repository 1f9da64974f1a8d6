import { createHash } from "node:crypto";
import { UserError } from "../errors.js";
import type { ContrastPairText } from "./contrast-pair.js";
import { CONTRAST_COLUMNS } from "./pair-row.js";
import { checkedRows } from "./pair-rows.js";
import { openParquet } from "./parquet-rows.js";
import { streamTable } from "./table.js";

/** What a run is planned by, row by row, and nothing else: a file may have millions. */
export interface GradedRows {
  /** NaN for a row that nobody graded. */
  readonly difficulties: Float64Array;
  /** -1 for a row without one. */
  readonly stages: Int32Array;
  /** By row, those whose rejected text is known to be false of its picture; a sparse array. */
  readonly falseContrasts: readonly Pick<ContrastPairText, "id" | "rejectedTrue">[];
}

/**
 * Reads what a run is planned by. Texts are checked as `readPairs` does and not kept; pictures are not read.
 * @param path - Parquet file of contrast pairs; named in every error.
 * @throws UserError that names the file, and the row where one is at fault.
 */
export async function readGrades(path: string): Promise<GradedRows> {
  const { count } = await openParquet(path);
  const difficulties = new Float64Array(count).fill(NaN);
  const stages = new Int32Array(count).fill(-1);
  const ids = new Float64Array(count);
  const falseContrasts: Pick<ContrastPairText, "id" | "rejectedTrue">[] = [];
  const columns = CONTRAST_COLUMNS.filter(({ kind }) => kind !== "images");
  let row = 0;
  for await (const { text } of checkedRows(path, columns)) {
    difficulties[row] = text.difficulty ?? NaN;
    stages[row] = text.stage ?? -1;
    ids[row] = shortHash(text.id);
    if (text.rejectedTrue === false) falseContrasts[row] = { id: text.id, rejectedTrue: false };
    row += 1;
  }
  const sorted = ids.slice().sort();
  const suspects = new Set(sorted.filter((hash, at) => hash === sorted[at - 1]));
  if (suspects.size > 0) await refuseEqualIds(path, (row) => suspects.has(ids[row] as number));
  return { difficulties, stages, falseContrasts };
}

/**
 * Difficulty and stage of every row, null where it has none.
 * @param rows - From {@link readGrades}.
 */
export function gradedPairs({ difficulties, stages }: GradedRows): {
  pair: number;
  difficulty: number | null;
  stage: number | null;
}[] {
  return Array.from(difficulties, (difficulty, pair) => ({
    pair,
    difficulty: Number.isNaN(difficulty) ? null : difficulty,
    stage: stages[pair] === -1 ? null : (stages[pair] as number),
  }));
}

/** A whole number below 2^48 that two ids seldom share. */
function shortHash(id: string): number {
  return createHash("sha256").update(id).digest().readUIntBE(0, 6);
}

/** Compares the ids of some rows. */
async function refuseEqualIds(path: string, isSuspect: (row: number) => boolean): Promise<void> {
  const rows = new Map<string, number>();
  let row = 0;
  for await (const cells of streamTable(path, [{ name: "id", kind: "string", optional: true }])) {
    if (isSuspect(row)) {
      const id = (cells["id"] as string | null) ?? `row-${row}`;
      const earlier = rows.get(id);
      if (earlier !== undefined) {
        throw new UserError(
          `${path}, pair "${id}" (row ${row}): id already used by row ${earlier}; expected ids to differ: rename one`,
        );
      }
      rows.set(id, row);
    }
    row += 1;
  }
}
