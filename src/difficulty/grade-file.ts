import type { DuckDBConnection } from "@duckdb/node-api";
import { arranged } from "../curriculum/arrange.js";
import { curriculumOrders, type CurriculumOrder } from "../curriculum/curriculum.js";
import { shuffled } from "../curriculum/shuffle.js";
import { UserError } from "../errors.js";
import {
  type DuckDBOptions,
  parquetColumns,
  parquetSource,
  sqlDouble,
  sqlName,
  sqlText,
  withDuckDB,
} from "../pairs/duckdb.js";
import { replaceAtomically } from "../write-atomically.js";
import { DEFAULT_SIGNALS, SIGNALS, type SignalUse } from "./grade.js";

/** What is being done: a signal ranked (its name), the difficulty made of the ranks, the order drawn, the file written. */
export type GradeFilePhase = string;

/** Sign and weight by the name of a signal's column, the published signals' or one's own. */
export type SignalUses = Readonly<Record<string, SignalUse>>;

/** A file of signals to grade, and how. */
export interface GradeFileRequest extends DuckDBOptions {
  /** Parquet file with a row a pair and a numeric column a signal; an empty cell is a missing signal. */
  readonly signals: string;
  /** Parquet file to write. */
  readonly out: string;
  /** Sign and weight of each signal, by column; one of weight 0 needs no column. @default DEFAULT_SIGNALS */
  readonly uses?: SignalUses;
  /** Number of stages. @default 3 */
  readonly stages?: number;
  /**
   * Share of the pairs, the hardest, to leave out of the stages, 0 up to but not 1: among them are most that are
   * labelled wrongly. @default 0
   */
  readonly trim?: number;
  /** What becomes of a pair that has no signal that counts: an error, or it gets no difficulty. @default "refuse" */
  readonly withoutSignal?: "refuse" | "leave-out";
  /** Order of the stages in training. @default "easy-to-hard" */
  readonly order?: CurriculumOrder;
  /** Of the order within a stage, and of the `shuffled` order. @default 0 */
  readonly seed?: number;
  /** Called as the work goes on, phase after phase. */
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
 * Grades the pairs of a file that may be larger than memory: `gradePairs`, `cutStages` and the first epoch of `staged`,
 * with the same results. Memory grows by about 12 bytes a pair beyond the limit.
 *
 * @param request - Files, grading, order and resources.
 * @returns Counts. The file written has a row a pair in the order of the signals' file: `pair` (its row), `difficulty`
 *   (0 to 1), `stage` (0 easy to `stages` - 1) and `order` (its place in the first epoch of training, from 0); the last
 *   two are empty where the pair was trimmed, all three where it has no signal and that is allowed.
 * @throws UserError naming file, row and column where a signal cannot be graded, or the option that is out of range.
 */
export async function gradeFile(request: GradeFileRequest): Promise<GradedFile> {
  const { signals: path, out, stages = 3, trim = 0, seed = 0 } = request;
  const uses: SignalUses = request.uses ?? DEFAULT_SIGNALS;
  const { order = "easy-to-hard" } = request;
  const used = namesOf(uses).filter((name) => weightOf(uses, name) !== 0);
  check(request, uses, stages, trim, order, seed);
  const phases: GradeFilePhase[] = [...used, "difficulty", "order", "writing"];
  const begin = (phase: GradeFilePhase): void => request.onProgress?.(phase, phases.indexOf(phase), phases.length);
  return withDuckDB(out, request, async (connection) => {
    await requireNumbers(connection, path, used);
    const { pairs, present, ungraded } = await count(connection, path, used, request.withoutSignal ?? "refuse");
    const graded = pairs - ungraded;
    const trimmed = Math.floor(graded * trim);
    const kept = graded - trimmed;
    if (stages > kept) throw new UserError(`stages is ${stages}, expected at most the number of pairs kept (${kept})`);
    let table = parquetSource(path);
    for (const name of used) {
      begin(name);
      table = await rank(connection, table, name, (uses[name] as SignalUse).sign, used);
    }
    begin("difficulty");
    await grade(connection, table, { present, uses, used });
    begin("order");
    const sizes = Array.from(
      { length: stages },
      (_, stage) => firstOf(stage + 1, kept, stages) - firstOf(stage, kept, stages),
    );
    const stage = `case when place < ${kept} then (place * ${stages} // ${kept})::integer end`;
    const levels = await rowsByLevel(connection, stage, sizes);
    await storeOrder(connection, arranged(levels, order, seed), seed, request.signal);
    begin("writing");
    await replaceAtomically(out, async (temporary) => {
      await connection.run(
        `copy (select pair::integer as pair, ${scaled("rank", graded)} as difficulty, ${stage} as stage,
          "order"::integer as "order" from ${everyPair(path, ungraded)} left join ordered using (pair) order by pair)
        to ${sqlText(temporary)} (format parquet)`,
      );
    });
    request.onProgress?.("writing", phases.length, phases.length);
    return { pairs, signals: present, stages: sizes, trimmed, ungraded };
  });
}

/**
 * Refuses weights, stages and trimming that no file can be graded by.
 *
 * @throws UserError naming the one that is out of range.
 */
export function checkGrading(uses: SignalUses, stages: number, trim: number): void {
  for (const name of namesOf(uses)) {
    const weight = weightOf(uses, name);
    if (!(weight >= 0 && weight < Infinity)) {
      throw new UserError(`signal ${name}: weight is ${weight}, expected 0 or more`);
    }
  }
  if (namesOf(uses).every((name) => weightOf(uses, name) === 0)) {
    throw new UserError(`every signal of ${namesOf(uses).join(", ")} has weight 0, expected one above 0`);
  }
  if (!Number.isInteger(stages) || stages < 1) {
    throw new UserError(`stages is ${stages}, expected a whole number of at least 1`);
  }
  if (!(trim >= 0 && trim < 1)) throw new UserError(`trim is ${trim}, expected 0 up to but not 1`);
}

function check(
  request: GradeFileRequest,
  uses: SignalUses,
  stages: number,
  trim: number,
  order: CurriculumOrder,
  seed: number,
): void {
  checkGrading(uses, stages, trim);
  if (!curriculumOrders.includes(order)) {
    throw new UserError(`order is "${String(order)}", expected one of ${curriculumOrders.join(", ")}`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(`seed is ${seed}, expected a whole number of at least 0`);
  }
  if (request.signals === request.out) throw new UserError(`${request.out}: is the file of signals; write elsewhere`);
}

/** The published signals in their own order, as they are added up in memory, then the others. */
function namesOf(uses: SignalUses): string[] {
  const published = SIGNALS.filter((name) => Object.hasOwn(uses, name));
  return [...published, ...Object.keys(uses).filter((name) => !(published as string[]).includes(name))];
}

function weightOf(uses: SignalUses, name: string): number {
  return (uses[name] as SignalUse).weight;
}

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;

async function requireNumbers(connection: DuckDBConnection, path: string, used: readonly string[]): Promise<void> {
  const columns = await parquetColumns(connection, path);
  for (const name of used) {
    const type = columns.get(name);
    if (type === undefined) {
      throw new UserError(
        `${path}: column "${name}" is missing; add it, with empty cells where it does not apply, or give it weight 0`,
      );
    }
    if (!NUMBER.test(type)) throw new UserError(`${path}: column "${name}" holds ${type}, expected numbers`);
  }
}

type Counts = Record<string, number>;

async function count(
  connection: DuckDBConnection,
  path: string,
  used: readonly string[],
  withoutSignal: "refuse" | "leave-out",
): Promise<{ pairs: number; present: Counts; ungraded: number }> {
  const none = used.map((name) => `${sqlName(name)} is null`).join(" and ");
  const values = used.flatMap((name) => [
    `count(${sqlName(name)})`,
    `min(file_row_number) filter (where not isfinite(${sqlName(name)}::double))`,
  ]);
  const read = await connection.runAndReadAll(
    `select count(*), count(*) filter (where ${none}), min(file_row_number) filter (where ${none}), ${values.join(", ")}
    from ${parquetSource(path)}`,
  );
  const [pairs, ungraded, first, ...rest] = (read.getRows()[0] ?? []).map((value) =>
    value === null ? null : Number(value),
  );
  if (!pairs) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
  for (const [index, name] of used.entries()) {
    const row = rest[2 * index + 1];
    if (typeof row !== "number") continue;
    const found = await connection.runAndReadAll(
      `select ${sqlName(name)}::double from ${parquetSource(path)} where file_row_number = ${row}`,
    );
    throw new UserError(
      `${path}, row ${row}: signal ${name} is ${String(found.getRows()[0]?.[0])}, expected a finite number or no value`,
    );
  }
  if (ungraded === pairs) throw new UserError(`${path}: no pair has a signal of ${used.join(", ")}: measure one`);
  if (withoutSignal === "refuse" && typeof first === "number") {
    throw new UserError(`${path}, row ${first}: no signal of ${used.join(", ")} has a value`);
  }
  const present = Object.fromEntries(used.map((name, index) => [name, rest[2 * index] as number]));
  return { pairs, present, ungraded: ungraded as number };
}

/**
 * Replaces a signal by twice its average rank, counted from 0: the first and the last place of its equals together.
 * A whole number of half the size, so that what spills is small.
 *
 * @returns The new table; the old one is dropped.
 */
async function rank(
  connection: DuckDBConnection,
  table: string,
  name: string,
  sign: SignalUse["sign"],
  used: readonly string[],
): Promise<string> {
  const first = name === used[0];
  const column = sqlName(name);
  const ranked = sqlName(`ranked by ${name}`);
  const others = used
    .filter((other) => other !== name)
    .map(sqlName)
    .join(", ");
  const source = first
    ? `(select file_row_number::uinteger as pair, ${used.map((each) => `${sqlName(each)}::double as ${sqlName(each)}`).join(", ")} from ${table})`
    : table;
  await connection.run(
    `create table ${ranked} as select pair${others && `, ${others}`},
      case when ${column} is not null then (rank() over places + count(*) over places - 2)::uinteger end as ${column}
    from ${source} window places as (order by ${column} ${sign > 0 ? "asc" : "desc"} nulls last)`,
  );
  if (!first) await connection.run(`drop table ${table}`);
  return ranked;
}

/** Makes the table `graded`: pair, rank (twice the average rank, from 0) and place (ties by pair, from 0). */
async function grade(
  connection: DuckDBConnection,
  table: string,
  {
    present,
    uses,
    used,
  }: {
    present: Counts;
    uses: SignalUses;
    used: readonly string[];
  },
): Promise<void> {
  // Added one after the other, as `gradePairs` does: another order would round otherwise.
  const sum = (term: (name: string) => string): string =>
    used.reduce(
      (before, name) => `(${before} + case when ${sqlName(name)} is null then 0::double else ${term(name)} end)`,
      "0::double",
    );
  const ranks = sum((name) => `${sqlDouble(weightOf(uses, name))} * ${scaled(sqlName(name), present[name] as number)}`);
  const weights = sum((name) => sqlDouble(weightOf(uses, name)));
  await connection.run(
    `create table means as select pair, round(${ranks} / ${weights} * 1e12)::bigint as mean from ${table}
    where ${used.map((name) => `${sqlName(name)} is not null`).join(" or ")}`,
  );
  await connection.run(`drop table ${table}`);
  await connection.run(
    `create table graded as select pair, (rank() over equals + count(*) over equals - 2)::uinteger as rank,
      row_number() over (order by mean, pair) - 1 as place
    from means window equals as (order by mean)`,
  );
  await connection.run("drop table means");
}

/** The table `graded`, with the pairs that are not in it. */
function everyPair(path: string, ungraded: number): string {
  if (ungraded === 0) return "graded";
  return `(select file_row_number::uinteger as pair from ${parquetSource(path)}) left join graded using (pair)`;
}

/** Twice a rank counted from 0, out of `values`, scaled to 0..1; a single value gives 0.5. */
function scaled(doubled: string, values: number): string {
  return values === 1 ? "0.5::double" : `(${doubled} / 2 / ${values - 1})`;
}

/** The first place of a stage. */
function firstOf(stage: number, pairs: number, stages: number): number {
  return Math.ceil((stage * pairs) / stages);
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
