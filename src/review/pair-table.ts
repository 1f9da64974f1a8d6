import { type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DEFAULT_STAGES } from "../difficulty/grading.js";
import { UserError } from "../errors.js";
import { parquetColumns, parquetPath, parquetSource, sqlName } from "../pairs/duckdb.js";
import type { Count, NumberColumn } from "./wire.js";

/** Name of the table's column with a pair's row in the file, from 0; no column of a user is called so. */
export const ROW = `"#row"`;

/** A pairs file as a table of DuckDB: all but the images and the long columns. */
export interface PairTable {
  readonly path: string;
  readonly rows: number;
  /** Types of all columns of the file. */
  readonly columns: ReadonlyMap<string, string>;
  /** Difficulty, signals and number columns of the user's own that hold something. */
  readonly numbers: readonly NumberColumn[];
  readonly kinds: readonly Count<string>[];
  readonly stages: readonly Count<number>[];
  readonly truths: readonly Count<boolean>[];
  /** Stages that a reviewer can give: up to the file's last one, and at least three. */
  readonly stagesToGive: readonly number[];
  /** Whether a row has several images a side. */
  readonly hasSeveralImages: boolean;
  /** Ids that stand in several rows. */
  readonly repeatedIds: ReadonlySet<string>;
  /** Makes the table `lacking`, of the rows whose contrast image is still to be made: reads the images' column. */
  findLacking(): Promise<void>;
  /** @throws UserError when the file was written again since. */
  requireUnchanged(): Promise<void>;
}

/** Stages that a card has room for. */
const MOST_STAGES = 20;
const TEXTS = ["prompt", "chosen", "rejected", "kind", "detail"] as const;
const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;

/**
 * Reads a pairs file into the table `pairs`, without the images, so that later questions do not go to the disk.
 *
 * @param connection - A database; its memory limit holds for the table too, and what exceeds it spills.
 * @param path - The pairs file; graded or not, with incomplete pairs or without.
 * @returns What the file holds.
 * @throws UserError naming the file and the column at fault.
 */
export async function readPairTable(connection: DuckDBConnection, path: string): Promise<PairTable> {
  const columns = await parquetColumns(connection, path);
  columns.delete("file_row_number");
  const before = await stat(path);
  requireColumns(path, columns);
  const has = (name: string): boolean => columns.has(name);
  const names = [...columns].flatMap(([name, type]) => (NUMBER.test(type) && name !== "stage" ? [name] : []));
  const id = has("id") ? `coalesce(id::varchar, 'row-' || file_row_number)` : `'row-' || file_row_number`;
  await connection.run(`create table pairs as select file_row_number::uinteger as ${ROW}, ${id} as id,
    ${TEXTS.map((name) => `${has(name) ? `${name}::varchar` : "null::varchar"} as ${name}`).join(", ")},
    ${has("stage") ? "stage::integer" : "null::integer"} as stage
    , ${has("rejected_true") ? "rejected_true::boolean" : "null::boolean"} as rejected_true
    , ${has("rejected_true_by") ? "rejected_true_by::varchar" : "null::varchar"} as rejected_true_by
    ${has("difficulty") ? "" : ", null::double as difficulty"}
    ${names.map((name) => `, case when isfinite(${sqlName(name)}::double) then ${sqlName(name)}::double end as ${sqlName(name)}`).join("")}
    from ${parquetSource(path)}`);
  const [rows] = await numbersOf(connection, "select count(*) from pairs");
  if (!rows) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
  const repeated = await connection.runAndReadAll("select id from pairs group by id having count(*) > 1");
  let lacking: Promise<unknown> | null = null;
  const stages = await counts<number>(connection, "stage");
  const lastStage = Math.min(MOST_STAGES, Math.max(DEFAULT_STAGES, ...stages.map(({ value }) => (value ?? 0) + 1))) - 1;
  return {
    path,
    rows,
    columns,
    numbers: await numberColumns(connection, names),
    kinds: await counts<string>(connection, "kind"),
    stages,
    truths: await counts<boolean>(connection, "rejected_true"),
    stagesToGive: Array.from({ length: lastStage + 1 }, (_, stage) => stage),
    hasSeveralImages: await hasSeveralImages(connection, path, rows),
    repeatedIds: new Set(repeated.getRows().map(([each]) => String(each))),
    async findLacking() {
      const condition = IMAGES.test(columns.get("rejected_images") ?? "") ? "rejected_images is null" : "true";
      lacking ??= connection.run(
        `create table lacking as select file_row_number::uinteger as row from ${parquetSource(path)} where ${condition}`,
      );
      await lacking;
    },
    async requireUnchanged() {
      const now = await stat(path).catch(() => null);
      if (now !== null && sameFile(before, now)) return;
      throw new UserError(`${path} was changed or removed since it was opened: end scpo pairs view and start it again`);
    },
  };
}

/** Lists of bytes, or of structs that hold them. */
export const IMAGES = /^(BLOB|STRUCT\(.*"?bytes"? BLOB.*\))\[\]$/;

/** Whether a row has several images a side, as the file's own description tells without a look at them. */
async function hasSeveralImages(connection: DuckDBConnection, path: string, rows: number): Promise<boolean> {
  const [most = 0] = await numbersOf(
    connection,
    `select max(entries) from (select sum(num_values) as entries from parquet_metadata(${parquetPath(path)})
    where split_part(path_in_schema, ', ', 1) in ('images', 'rejected_images') group by path_in_schema)`,
  );
  // A row without an image has an entry too.
  return most > rows;
}

function sameFile(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.size === other.size && one.mtimeMs === other.mtimeMs;
}

function requireColumns(path: string, columns: ReadonlyMap<string, string>): void {
  const found = [...columns.keys()].join(", ");
  for (const name of ["images", "prompt", "chosen"]) {
    if (columns.has(name)) continue;
    throw new UserError(
      `${path}: column "${name}" is missing; found ${found}; expected a pairs file: make one with scpo pairs import`,
    );
  }
  const expected: [name: string, type: RegExp, what: string][] = [
    ["images", IMAGES, "lists of pictures"],
    ["prompt", /^VARCHAR$/, "text"],
    ["chosen", /^VARCHAR$/, "text"],
    ["rejected", /^VARCHAR$/, "text"],
    ["stage", NUMBER, "whole numbers"],
    ["difficulty", NUMBER, "numbers"],
    ["rejected_true", /^BOOLEAN$/, "true or false"],
  ];
  for (const [name, type, what] of expected) {
    const is = columns.get(name);
    if (is === undefined || type.test(is)) continue;
    throw new UserError(`${path}: column "${name}" holds ${is}, expected ${what}: write the pairs file again`);
  }
}

async function numberColumns(connection: DuckDBConnection, names: readonly string[]): Promise<NumberColumn[]> {
  if (names.length === 0) return [];
  const values = await numbersOf(
    connection,
    `select ${names.map((name) => `count(${sqlName(name)}), min(${sqlName(name)}), max(${sqlName(name)})`).join(", ")}
    from pairs`,
  );
  return names.flatMap((name, at) => {
    const [count = 0, low = 0, high = 0] = values.slice(3 * at);
    return count > 0 ? [{ name, low, high, count }] : [];
  });
}

async function counts<Value extends string | number | boolean>(
  connection: DuckDBConnection,
  column: "kind" | "stage" | "rejected_true",
): Promise<Count<Value>[]> {
  const read = await connection.runAndReadAll(
    `select ${column}, count(*) from pairs group by ${column} order by ${column} nulls last`,
  );
  return read.getRows().map(([value, count]) => ({ value: value as Value | null, count: Number(count) }));
}

/** The first row of an answer as numbers; null counts as 0. */
export async function numbersOf(connection: DuckDBConnection, query: string): Promise<number[]> {
  const read = await connection.runAndReadAll(query);
  return (read.getRows()[0] ?? []).map(Number);
}
