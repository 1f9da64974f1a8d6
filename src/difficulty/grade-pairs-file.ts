import { refuseOverInputs } from "../files/outputs.js";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors.js";
import { cellsOf, streamPairRows } from "../pairs/pair-rows.js";
import { PAIR_COLUMNS, SIGNAL_COLUMNS, type SignalColumn } from "../pairs/pair-row.js";
import { openParquet } from "../pairs/parquet-rows.js";
import { type Column, type Row, streamTable, writeTable } from "../pairs/table.js";
import { removeLeftovers, temporaryBeside } from "../files/write-atomically.js";
import { type GradedFile, gradeFile, type GradeFileRequest } from "./grade-file.js";
import { type CheckedGrading, checkedGrading, DEFAULT_SIGNALS, type SignalUses } from "./grading.js";
import { ownColumns } from "../pairs/own-columns.js";
import { makeFolder } from "../files/writable.js";

/** Signals of one pair by column; one that does not apply or was not measured is left out. */
export type MeasuredSignals = Partial<Record<SignalColumn, number>>;

/** A pairs file to grade, and how; see {@link GradeFileRequest}. */
export interface GradePairsFileRequest extends Omit<
  GradeFileRequest,
  "signals" | "out" | "onProgress" | "withoutSignal"
> {
  readonly pairs: string;
  /** Pairs file to write. */
  readonly out: string;
  /** Signals by row measured just now; they replace the file's. @default only those of the file */
  readonly measured?: readonly Readonly<MeasuredSignals>[];
  /** Sign and weight by column. @default the default signals, as far as there are any */
  readonly uses?: SignalUses | undefined;
  /** Hears now and then how many pairs are written, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Rows between two reports of progress. */
const PROGRESS_ROWS = 64;

/** What grading a pairs file came to. */
export interface GradedPairsFile extends GradedFile {
  readonly grading: CheckedGrading;
  /** Columns of the file that are not kept: neither a pairs file's own nor numbers or texts. */
  readonly columnsLeftOut: readonly string[];
}

/**
 * Writes a pairs file again with the difficulty and stage that its signals give. A trimmed pair has no stage; a pair
 * without any of the signals, as an incomplete one may be, has neither. Number and text columns of the user's own stay.
 *
 * @param request - Files, signals, grading and resources.
 * @returns Counts of pairs, signals and stages.
 * @throws UserError naming file, row and column at fault, or the option that is out of range.
 */
export async function gradePairsFile(request: GradePairsFileRequest): Promise<GradedPairsFile> {
  const { pairs, out, measured, onProgress, ...rest } = request;
  await refuseOverInputs([{ flag: "out", path: out }], [{ flag: "pairs", path: pairs }]);
  const own = await ownColumns(pairs);
  const uses = await usesFor(pairs, request.uses, measured === undefined ? [] : SIGNAL_COLUMNS);
  const grading = checkedGrading({ ...request, uses });
  await makeFolder(dirname(out));
  await removeLeftovers(out);
  const merged = measured === undefined ? undefined : temporaryBeside(out);
  const grades = temporaryBeside(out);
  try {
    if (measured !== undefined && merged !== undefined) await writeSignals(pairs, merged, own.kept, measured);
    const graded = await gradeFile({
      ...rest,
      uses,
      signals: merged ?? pairs,
      out: grades,
      withoutSignal: "leave-out",
    });
    const columns = [...PAIR_COLUMNS, ...own.kept];
    await writeTable(out, columns, gradedRows(request, own.kept, grades, graded.pairs));
    return { ...graded, grading, columnsLeftOut: own.leftOut };
  } catch (error) {
    // The user knows the rows of the pairs file, not those of the table made of it.
    if (error instanceof UserError && merged !== undefined)
      throw new UserError(error.message.replaceAll(merged, pairs));
    throw error;
  } finally {
    for (const path of [grades, merged]) if (path !== undefined) await rm(path, { force: true });
  }
}

/**
 * Sign and weight by column, where each column is there.
 *
 * @param pairs - Pairs file.
 * @param asked - What the user says; undefined: the default signals, as far as there are any.
 * @param measured - Columns that are there besides those of the file.
 * @throws UserError for a column that is missing.
 */
export async function usesFor(
  pairs: string,
  asked: SignalUses | undefined,
  measured: readonly string[],
): Promise<SignalUses> {
  const present = new Set([...(await openParquet(pairs)).columns, ...measured]);
  if (asked === undefined) {
    const found = Object.entries(DEFAULT_SIGNALS).filter(([name]) => present.has(name));
    if (found.length > 0) return Object.fromEntries(found);
    const defaults = Object.keys(DEFAULT_SIGNALS).join(", ");
    throw new UserError(`${pairs}: has no signal of ${defaults}; measure one (scpo pairs score), or name your own`);
  }
  for (const [name, { weight }] of Object.entries(asked)) {
    if (weight === 0 || present.has(name)) continue;
    const others = PAIR_COLUMNS.filter(({ kind }) => kind !== "double").map((column) => column.name);
    const found = [...present].filter((column) => !others.includes(column)).join(", ");
    throw new UserError(`${pairs}: column "${name}" is missing; found ${found}: add it or name another`);
  }
  return asked;
}

/** Writes the numbers of every pair, measured now or there before. */
async function writeSignals(
  pairs: string,
  out: string,
  own: readonly Column[],
  measured: readonly Readonly<MeasuredSignals>[],
): Promise<void> {
  const columns = [...PAIR_COLUMNS, ...own].filter(({ kind }) => kind === "double" || kind === "int32");
  async function* merged(): AsyncGenerator<Row, void, undefined> {
    let row = 0;
    for await (const before of streamTable(pairs, columns)) yield { ...before, ...measured[row++] };
  }
  await writeTable(out, columns, merged());
}

async function* gradedRows(
  request: GradePairsFileRequest,
  own: readonly Column[],
  grades: string,
  total: number,
): AsyncGenerator<Row, void, undefined> {
  const { pairs, measured, signal, onProgress } = request;
  const gradeColumns: Column[] = [
    { name: "difficulty", kind: "double", optional: true },
    { name: "stage", kind: "int32", optional: true },
  ];
  const [owned, graded] = [streamTable(pairs, own), streamTable(grades, gradeColumns)];
  let row = 0;
  for await (const pair of streamPairRows(pairs, [], "any")) {
    signal?.throwIfAborted();
    const [others, grade] = [(await owned.next()).value, (await graded.next()).value];
    if (!others || !grade) throw new Error(`${grades} has fewer rows than ${pairs}`);
    yield { ...cellsOf(pair), ...others, ...measured?.[row], ...grade };
    row += 1;
    if (row % PROGRESS_ROWS === 0 || row === total) onProgress?.(row, total);
  }
}
