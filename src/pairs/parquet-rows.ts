import { asyncBufferFromFile, parquetMetadataAsync, parquetSchema } from "hyparquet";
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { UserError } from "../errors.js";
import { decodeRows, type RowsPart } from "./parquet-decoder.js";

/** Rows that are read at a time where a file's index allows it. */
const SLICE = 500;

/** A Parquet file whose description has been read. */
export interface OpenedParquet {
  readonly path: string;
  /** Names of the columns, in the order of the file. */
  readonly columns: readonly string[];
  /** Number of rows. */
  readonly count: number;
  readonly metadata: FileMetaData;
}

/** A row as it stands in a file: what each cell holds, by column. */
export type RawRow = Readonly<Record<string, unknown>>;

/**
 * Reads the description of a Parquet file.
 * @param path - File to read; named in every error.
 * @throws UserError when the file is missing or not complete.
 */
export async function openParquet(path: string): Promise<OpenedParquet> {
  let file: AsyncBuffer;
  try {
    file = await asyncBufferFromFile(path);
  } catch (error) {
    throw new UserError(`cannot open ${path} (${messageOf(error)}); expected a Parquet file: check the path`);
  }
  try {
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map((child) => child.element.name);
    return { path, columns, count: Number(metadata.num_rows), metadata };
  } catch (error) {
    throw new UserError(
      `${path} is not a complete Parquet file (${messageOf(error)}); it may be cut off or of another format: write it again`,
    );
  }
}

/**
 * Reads the rows of a Parquet file in order, a few at a time: one row group at most, or a part of one where the file
 * has an index of its pages.
 * @param opened - From {@link openParquet}.
 * @param columns - Names of the columns to read; all when left out.
 * @throws UserError when the file is damaged or compressed in a way that is not read.
 */
export async function* parquetRows(
  opened: OpenedParquet,
  columns: readonly string[] = opened.columns,
): AsyncGenerator<RawRow, void, undefined> {
  const { path, metadata } = opened;
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows);
    const indexed = group.columns.every((column) => column.offset_index_offset !== undefined);
    const step = indexed ? SLICE : groupEnd - groupStart;
    for (let rowStart = groupStart; rowStart < groupEnd; rowStart += step) {
      const rowEnd = Math.min(rowStart + step, groupEnd);
      yield* await slice({ path, metadata, columns: [...columns], rowStart, rowEnd });
    }
    groupStart = groupEnd;
  }
}

/**
 * Reads some rows of a file that has an index of its pages: only the pages that hold them.
 * @param opened - From {@link openParquet}.
 * @param columns - Names of the columns to read.
 * @param rowStart - First row, from 0.
 * @param rowEnd - Row behind the last.
 * @throws UserError when the file is damaged or compressed in a way that is not read.
 */
export function parquetSlice(
  { path, metadata }: OpenedParquet,
  columns: readonly string[],
  rowStart: number,
  rowEnd: number,
): Promise<RawRow[]> {
  return slice({ path, metadata, columns: [...columns], rowStart, rowEnd, useOffsetIndex: true });
}

/**
 * Columns that hold something in at least one row.
 * @param opened - From {@link openParquet}.
 * @param names - Columns to look at; those that the file lacks hold nothing.
 * @throws UserError when the file is damaged.
 */
export async function presentColumns(opened: OpenedParquet, names: readonly string[]): Promise<string[]> {
  const present: string[] = [];
  for (const name of names) {
    if (opened.columns.includes(name) && (await holdsSomething(opened, name))) present.push(name);
  }
  return present;
}

async function holdsSomething(opened: OpenedParquet, name: string): Promise<boolean> {
  const chunks = opened.metadata.row_groups.flatMap(({ columns }) =>
    columns.flatMap(({ meta_data: chunk }) => (chunk?.path_in_schema[0] === name ? [chunk] : [])),
  );
  // An empty list counts as null there, and is not nothing.
  const flat = chunks.every(({ path_in_schema: path }) => path.length === 1);
  if (flat && chunks.every(({ statistics, num_values: values }) => statistics?.null_count === values)) return false;
  for await (const row of parquetRows(opened, [name])) if ((row[name] ?? null) !== null) return true;
  return false;
}

async function slice(part: RowsPart): Promise<RawRow[]> {
  const { path } = part;
  try {
    return await decodeRows(part);
  } catch (error) {
    const codec = /unsupported compression codec: (\w+)/.exec(messageOf(error))?.[1];
    if (codec) {
      throw new UserError(`${path}: compressed with ${codec}, expected snappy, gzip or none: write it again so`);
    }
    throw new UserError(`${path} is damaged (${messageOf(error)}); expected a complete Parquet file: write it again`);
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ");
}
