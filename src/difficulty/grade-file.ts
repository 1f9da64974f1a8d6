import type { DuckDBConnection } from "@duckdb/node-api";
import { arranged } from "../curriculum/arrange.js";
import { curriculumOrders, type CurriculumOrder } from "../curriculum/curriculum.js";
import { shuffled } from "../curriculum/shuffle.js";
import { UserError } from "../errors.js";
import { type DuckDBOptions, parquetSource, sqlDouble, sqlText, withDuckDB } from "../pairs/duckdb.js";
import { replaceAtomically } from "../files/write-atomically.js";
import { difficultySql, makeGraded, survey } from "./grade-tables.js";
import { type CheckedGrading, checkedGrading, type Grading, namesOf, weightOf } from "./grading.js";
import { refuseOverInputs } from "../files/outputs.js";

/** What is being done: a signal ranked (its name), the difficulty made of the ranks, the order drawn, the file written. */
export type GradeFilePhase = string;

/** A file of signals to grade, and how. */
export interface GradeFileRequest extends DuckDBOptions, Grading {
  /** Parquet file with a row a pair and a numeric column a signal; an empty cell is a missing signal. */
  readonly signals: string;
  /** Parquet file to write. */
  readonly out: string;
  /** What becomes of a pair that has not the signals that it needs: an error, or no difficulty. @default "refuse" */
  readonly withoutSignal?: "refuse" | "leave-out";
  /** Order of the stages in training. @default "easy-to-hard" */
  readonly order?: CurriculumOrder;
  /** Of the order within a stage, and of the `shuffled` order. @default 0 */
  readonly seed?: number;
  /** Called as the work proceeds, phase by phase. */
  readonly onProgress?: (phase: GradeFilePhase, done: number, total: number) => void;
}

/** What {@link gradeFile} found. */
export interface GradedFile {
  readonly pairs: number;
  /** Pairs that have the signal, for every signal that counts. */
  readonly signals: Readonly<Record<string, number>>;
  /** Pairs of each level of difficulty, easy first. */
  readonly stages: readonly number[];
  /** Pairs left out of the stages. */
  readonly trimmed: number;
  /** Pairs that have no signal that counts, and so no difficulty and no stage. */
  readonly ungraded: number;
}

/**
 * Grades the pairs of a file that may be larger than memory: normalises each signal over the pairs that have it, averages
 * by weight over the signals that a pair has, and ranks the result; a missing signal is missing, not zero. Stages and
 * order are those of `cutStages` or `stagesByBounds` and the first epoch of `staged`. Memory grows by about 12 bytes a pair beyond the limit.
 *
 * @param request - Files, grading, order and resources.
 * @returns Counts. The file written has a row a pair in the order of the signals' file: `pair` (its row), `difficulty`
 *   (0 to 1), `stage` (0 is the easiest) and `order` (its place in the first epoch of training, from 0); the last
 *   two are empty where the pair was trimmed, all three where it lacks signals and that is allowed.
 * @throws UserError naming file, row and column where a signal cannot be graded, or the option that is out of range.
 */
export async function gradeFile(request: GradeFileRequest): Promise<GradedFile> {
  const { signals: path, out, seed = 0, order = "easy-to-hard" } = request;
  const grading = checkedGrading(request);
  checkOrder(order, seed);
  await refuseOverInputs([{ flag: "out", path: out }], [{ flag: "signals", path }]);
  const { uses, stages, bounds, trim } = grading;
  const used = namesOf(uses).filter((name) => weightOf(uses, name) !== 0);
  const phases: GradeFilePhase[] = [...used, "difficulty", "order", "writing"];
  const begin = (phase: GradeFilePhase): void => request.onProgress?.(phase, phases.indexOf(phase), phases.length);
  return withDuckDB(out, request, async (connection) => {
    const found = await survey(connection, path, used, grading, request.withoutSignal ?? "refuse");
    const { pairs, ungraded } = found;
    const graded = pairs - ungraded;
    const trimmed = Math.floor(graded * trim);
    const kept = graded - trimmed;
    if (bounds === null && stages > kept) {
      throw new UserError(`stages is ${stages}, expected at most the number of pairs kept (${kept})`);
    }
    await makeGraded(connection, path, used, grading, found, begin);
    begin("order");
    const difficulty = difficultySql(grading, graded);
    const reached = bounds?.map((bound) => `(${difficulty} >= ${sqlDouble(bound)})::integer`).join(" + ");
    const stage = `case when place < ${kept} then (${reached ?? `place * ${stages} // ${kept}`})::integer end`;
    const sizes = await stageSizes(connection, stage, grading);
    const levels = await rowsByLevel(connection, stage, sizes);
    await storeOrder(connection, arranged(levels, order, seed), seed, request.signal);
    begin("writing");
    await replaceAtomically(out, async (temporary) => {
      await connection.run(
        `copy (select pair::integer as pair, ${difficulty} as difficulty, ${stage} as stage,
          "order"::integer as "order" from ${everyPair(path, ungraded)} left join ordered using (pair) order by pair)
        to ${sqlText(temporary)} (format parquet)`,
      );
    });
    request.onProgress?.("writing", phases.length, phases.length);
    const present = Object.entries(found.extents).map(([name, extent]) => [name, extent.present] as const);
    return { pairs, signals: Object.fromEntries(present), stages: sizes, trimmed, ungraded };
  });
}

function checkOrder(order: CurriculumOrder, seed: number): void {
  if (!curriculumOrders.includes(order)) {
    throw new UserError(`order is "${String(order)}", expected one of ${curriculumOrders.join(", ")}`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(`seed is ${seed}, expected a whole number of at least 0`);
  }
}

/** The table `graded`, with the pairs that are not in it. */
function everyPair(path: string, ungraded: number): string {
  if (ungraded === 0) return "graded";
  return `(select file_row_number::uinteger as pair from ${parquetSource(path)}) left join graded using (pair)`;
}

/** Pairs of each stage. */
async function stageSizes(
  connection: DuckDBConnection,
  stage: string,
  { stages, bounds }: CheckedGrading,
): Promise<number[]> {
  const read = await connection.runAndReadAll(`select ${stage}, count(*) from graded group by 1`);
  const sizes = new Array<number>(stages).fill(0);
  for (const [level, count] of read.getRows()) if (level !== null) sizes[Number(level)] = Number(count);
  const empty = sizes.indexOf(0);
  if (empty >= 0 && bounds !== null) {
    throw new UserError(
      `bounds are ${bounds.join(",")}: stage ${empty} would hold no pair; move the bounds or trim less`,
    );
  }
  return sizes;
}

async function rowsByLevel(
  connection: DuckDBConnection,
  stage: string,
  sizes: readonly number[],
): Promise<Uint32Array[]> {
  const levels = sizes.map((size) => new Uint32Array(size));
  const filled = sizes.map(() => 0);
  for await (const chunk of await connection.stream(`select pair, ${stage} from graded order by pair`)) {
    const pairs = chunk.getColumnValues(0);
    for (const [index, value] of chunk.getColumnValues(1).entries()) {
      if (value === null) continue;
      const level = Number(value);
      (levels[level] as Uint32Array)[filled[level] as number] = Number(pairs[index]);
      filled[level] = (filled[level] as number) + 1;
    }
  }
  return levels;
}

/** Makes the table `ordered`: pair and its place in the first epoch. */
async function storeOrder(
  connection: DuckDBConnection,
  stages: readonly Uint32Array[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { DuckDBDataChunk, UINTEGER } = await import("@duckdb/node-api");
  await connection.run(`create table ordered (pair uinteger, "order" uinteger)`);
  const appender = await connection.createAppender("ordered");
  const ROWS = 2048;
  let place = 0;
  for (const [stage, rows] of stages.entries()) {
    const order = shuffled(rows, seed, stage, 0);
    for (let start = 0; start < order.length; start += ROWS) {
      const part = Array.from(order.subarray(start, start + ROWS));
      const chunk = DuckDBDataChunk.create([UINTEGER, UINTEGER], part.length);
      chunk.setColumns([part, part.map(() => place++)]);
      appender.appendDataChunk(chunk);
    }
    signal?.throwIfAborted();
  }
  appender.closeSync();
}
