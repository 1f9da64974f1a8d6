import { dirname } from "node:path";
import type { SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { UserError } from "../errors.js";
import { replaceAtomically } from "../files/write-atomically.js";
import { openParquet, parquetRows } from "./parquet-rows.js";
import { makeFolder } from "../files/writable.js";

/** What a column holds; an image is the bytes of an image file, messages are objects of role and content. */
export type ColumnKind = "string" | "strings" | "image" | "images" | "messages" | "double" | "int32" | "boolean";

/** One column of a table. */
export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** The reader takes a missing column, or an empty cell, as null. */
  readonly optional?: boolean;
}

/** A message of a conversation. */
interface MessageCell {
  readonly role: string;
  readonly content: string;
}

/** One cell: text, number, truth, image bytes, or a list of texts or images. */
export type Cell = string | number | boolean | Uint8Array | readonly string[] | readonly Uint8Array[] | null;

/** One row: its cells by column name. */
export type Row = Readonly<Record<string, Cell>>;

/** A row to write, which may hold messages too. */
export type WrittenRow = Readonly<Record<string, Cell | readonly MessageCell[]>>;

/** What a Parquet file of this program says of its maker. */
export const MADE_BY = "scpo";

/** A row group ends with so many rows, or with so many bytes of images. */
const GROUP_ROWS = 2000;
const GROUP_BYTES = 32 * 2 ** 20;

/**
 * Writes rows to a Parquet file that `datasets` reads with typed columns; the file appears only when it is complete.
 * @param path - File to write; its folder is made when missing.
 * @param columns - Columns in the order of the file.
 * @param rows - Rows in the order of the file; only one row group is held at a time.
 */
export async function writeTable(
  path: string,
  columns: readonly Column[],
  rows: AsyncIterable<WrittenRow> | Iterable<WrittenRow>,
): Promise<void> {
  await makeFolder(dirname(path));
  await replaceAtomically(path, async (temporaryPath) => {
    const parquet = new ParquetWriter({
      writer: fileWriter(temporaryPath),
      createdBy: MADE_BY,
      schema: [{ name: "schema", num_children: columns.length }, ...columns.flatMap(schemaOf)],
      kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features: featuresOf(columns) } }) }],
    });
    const images = columns.filter(({ kind }) => isImage(kind));
    let group: WrittenRow[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      const columnData = columns.map(({ name, kind }) => ({
        name,
        data: group.map((row) => toParquet(kind, row[name] ?? null)),
        ...(isImage(kind) ? { codec: "UNCOMPRESSED" as const, encoding: "PLAIN" as const, statistics: false } : {}),
      }));
      await parquet.write({ columnData, rowGroupSize: GROUP_ROWS });
      group = [];
      bytes = 0;
    };
    for await (const row of rows) {
      group.push(row);
      bytes += images.reduce((sum, { name }) => sum + imageBytes(row[name]), 0);
      if (group.length === GROUP_ROWS || bytes >= GROUP_BYTES) await flush();
    }
    if (group.length > 0) await flush();
    await parquet.finish();
  });
}

/**
 * Reads the rows of a Parquet file one by one; memory holds a row group of the file at most.
 * @param path - File to read; named in every error.
 * @param columns - Columns wanted; others are not read.
 * @throws UserError when the file is missing, not complete, lacks a column, or holds a cell of another kind.
 */
export async function* streamTable(path: string, columns: readonly Column[]): AsyncGenerator<Row, void, undefined> {
  const opened = await openParquet(path);
  const present = new Set(opened.columns);
  for (const { name, optional } of columns) {
    if (optional || present.has(name)) continue;
    const needed = columns.filter((column) => !column.optional).map((column) => column.name);
    throw new UserError(
      `${path}: column "${name}" is missing; found ${[...present].join(", ")}, expected ${needed.join(", ")}: ` +
        "rename or add the column",
    );
  }
  const wanted = columns.map((column) => column.name).filter((name) => present.has(name));
  let row = 0;
  for await (const cells of parquetRows(opened, wanted)) {
    yield Object.fromEntries(
      columns.map((column) => [column.name, fromParquet(path, row, column, cells[column.name])]),
    );
    row += 1;
  }
}

/** All of {@link streamTable}. */
export async function readTable(path: string, columns: readonly Column[]): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of streamTable(path, columns)) rows.push(row);
  return rows;
}

function imageBytes(cell: WrittenRow[string] | undefined): number {
  if (cell instanceof Uint8Array) return cell.length;
  if (!Array.isArray(cell)) return 0;
  return (cell as readonly Uint8Array[]).reduce((sum, { length }) => sum + length, 0);
}

function isImage(kind: ColumnKind): boolean {
  return kind === "image" || kind === "images";
}

const OPTIONAL = "OPTIONAL";

function schemaOf({ name, kind }: Column): SchemaElement[] {
  switch (kind) {
    case "string":
      return [{ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: OPTIONAL }];
    case "double":
      return [{ name, type: "DOUBLE", repetition_type: OPTIONAL }];
    case "int32":
      return [{ name, type: "INT32", repetition_type: OPTIONAL }];
    case "boolean":
      return [{ name, type: "BOOLEAN", repetition_type: OPTIONAL }];
    case "image":
      return [
        { name, repetition_type: OPTIONAL, num_children: 2 },
        { name: "bytes", type: "BYTE_ARRAY", repetition_type: OPTIONAL },
        { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: OPTIONAL },
      ];
    case "strings":
    case "images":
    case "messages":
      return [
        { name, repetition_type: OPTIONAL, num_children: 1, converted_type: "LIST" },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        ...(kind === "messages"
          ? [
              { name: "element", repetition_type: OPTIONAL, num_children: 2 } as const,
              ...["role", "content"].flatMap((part) => schemaOf({ name: part, kind: "string" })),
            ]
          : schemaOf({ name: "element", kind: kind === "images" ? "image" : "string" })),
      ];
  }
}

type Feature = Readonly<Record<string, unknown>>;

function featuresOf(columns: readonly Column[]): Record<string, Feature> {
  return Object.fromEntries(columns.map(({ name, kind }) => [name, featureOf(kind)]));
}

function featureOf(kind: ColumnKind): Feature {
  switch (kind) {
    case "string":
      return { dtype: "string", _type: "Value" };
    case "double":
      return { dtype: "float64", _type: "Value" };
    case "int32":
      return { dtype: "int32", _type: "Value" };
    case "boolean":
      return { dtype: "bool", _type: "Value" };
    case "image":
      return { _type: "Image" };
    case "strings":
      return { feature: featureOf("string"), _type: "List" };
    case "images":
      return { feature: featureOf("image"), _type: "List" };
    case "messages":
      return { feature: { role: featureOf("string"), content: featureOf("string") }, _type: "List" };
  }
}

function toParquet(kind: ColumnKind, cell: WrittenRow[string]): unknown {
  if (cell === null) return null;
  if (kind === "image") return { bytes: cell, path: null };
  if (kind === "images") return (cell as readonly Uint8Array[]).map((bytes) => ({ bytes, path: null }));
  return cell;
}

function fromParquet(path: string, row: number, column: Column, value: unknown): Cell {
  const { name, kind, optional } = column;
  if (optional && (value === null || value === undefined)) return null;
  const cell = cellOf(kind, value);
  if (cell !== null) return cell;
  const expected = {
    string: "text",
    strings: "a list of texts",
    messages: "a list of messages",
    double: "a number",
    int32: "a whole number",
    boolean: "true or false",
  };
  const image = "the picture's bytes (struct of bytes and path, bytes not empty)";
  const wish = kind === "image" ? image : kind === "images" ? `a list with ${image}` : expected[kind];
  throw new UserError(
    `${path}, row ${row}, column "${name}": found ${describe(value)}, expected ${wish}: mend the row`,
  );
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return `text "${value.slice(0, 40)}"`;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value))
    return `a list of ${value.length}${value.length > 0 ? `, first ${describe(value[0])}` : ""}`;
  return `a struct of ${Object.keys(value).join(", ")}`;
}

// Null means: not of this kind.
function cellOf(kind: ColumnKind, value: unknown): Cell {
  switch (kind) {
    case "string":
      return typeof value === "string" ? value : null;
    case "double":
      return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : null;
    case "int32": {
      const number = typeof value === "bigint" ? Number(value) : value;
      return typeof number === "number" && Number.isInteger(number) ? number : null;
    }
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "image": {
      const bytes: unknown = value !== null && typeof value === "object" && "bytes" in value ? value.bytes : value;
      return bytes instanceof Uint8Array ? bytes : null;
    }
    // Written for others; nothing here reads it.
    case "messages":
      return null;
    case "strings":
    case "images": {
      if (!Array.isArray(value)) return null;
      const items = value.map((item) => cellOf(kind === "images" ? "image" : "string", item));
      return items.includes(null) ? null : (items as string[] | Uint8Array[]);
    }
  }
}
