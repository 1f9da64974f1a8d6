import { open, readFile } from "node:fs/promises";
import { UserError } from "../../errors.js";
import { csvRows } from "../../files/csv.js";
import { jsonErrorPosition } from "../../files/json-position.js";
import { parsePythonJson } from "../../files/python-json.js";
import { type FileRow, readJsonArray, readJsonLines, readJsonValues, shown } from "../../files/rows.js";
import { decodeUtf8, refusePacked, unreadable, withoutMark } from "../../files/text-file.js";
import { openParquet, parquetRows } from "../../pairs/parquet-rows.js";

/** Bytes at the beginning of a file by which its kind is told. */
const BEGINNING = 64 * 1024;

/** Objects that hold the rows rather than being one, by the field that does. */
const WRAPPERS = ["imgToEval", "sentences", "logs"] as const;

/**
 * Reads the rows of an answer file, whatever they are kept in: JSON lines, one JSON array, JSON objects one after
 * another over many lines, an object that holds them (the captions that CHAIR's script reads and those that it
 * writes, lmms-eval's older samples), a table of tabs or commas, or Parquet.
 *
 * Source: for `imgToEval` and `sentences` https://github.com/LisaAnne/Hallucination/blob/master/utils/chair.py
 *
 * @param path - The file.
 * @param expected - What an empty or unknown file should have been.
 * @throws UserError naming file and line.
 */
export async function* containedRows(
  path: string,
  expected: "jsonl" | "json-array",
): AsyncGenerator<FileRow, void, undefined> {
  for await (const row of await rowsOf(path, expected)) {
    const { value } = row;
    const wrapper =
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? WRAPPERS.find((name) => isHolder((value as Record<string, unknown>)[name]))
        : undefined;
    if (wrapper === undefined) {
      yield row;
      continue;
    }
    const held = (value as Record<string, object>)[wrapper] as object;
    let line = 0;
    for (const each of Object.values(held) as unknown[]) {
      yield { file: path, line: (line += 1), counted: "element", value: each };
    }
  }
}

/** A list or table of objects. */
function isHolder(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const [first] = Object.values(value) as unknown[];
  return typeof first === "object" && first !== null;
}

async function rowsOf(path: string, expected: "jsonl" | "json-array"): Promise<AsyncGenerator<FileRow>> {
  const beginning = await beginningOf(path);
  if (beginning.subarray(0, 4).toString("latin1") === "PAR1") return tableRows(path);
  refusePacked(beginning, path);
  // Zeros and the like stand for themselves: the readers say what is wrong with them.
  const text = withoutMark(beginning.toString("utf8")).trimStart();
  const first = text.charAt(0);
  if (first === "[") return readJsonArray(path);
  const line = text.split("\n", 1)[0] as string;
  if (first === "{") return goesOn(text) ? readJsonValues(path) : readJsonLines(path);
  const separator = (["\t", ","] as const).find((each) => line.includes(each));
  if (separator !== undefined && /^[\w"][^{}]*$/.test(line.trim())) return separatedRows(path, separator);
  return expected === "json-array" ? readJsonArray(path) : readJsonLines(path);
}

/** Whether an object goes on behind its first line: nothing in it is wrong, and there is more. */
function goesOn(text: string): boolean {
  const end = text.indexOf("\n");
  if (end === -1 || text.slice(end).trim() === "") return false;
  const line = text.slice(0, end).trimEnd();
  try {
    parsePythonJson(line);
    return false;
  } catch {
    return jsonErrorPosition(line).column > line.length;
  }
}

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(BEGINNING) });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function* separatedRows(path: string, separator: "\t" | ","): AsyncGenerator<FileRow, void, undefined> {
  const bytes = await readFile(path);
  const [header, ...rows] = csvRows(withoutMark(decodeUtf8(bytes, path)), path, separator);
  const names = header?.cells ?? [];
  for (const { line, cells } of rows) {
    if (cells.length !== names.length) {
      throw new UserError(
        `${path} line ${line}: found ${cells.length} cells, expected ${names.length} as in the first line ` +
          `(${shown(names.join(", "))}); quote cells that hold the separator`,
      );
    }
    yield { file: path, line, value: Object.fromEntries(names.map((name, at) => [name, cells[at]])) };
  }
}

async function* tableRows(path: string): AsyncGenerator<FileRow, void, undefined> {
  const opened = await openParquet(path);
  // Images are not looked at, and would fill the memory.
  const columns = opened.columns.filter((name) => name !== "image" && name !== "images");
  let line = 0;
  for await (const cells of parquetRows(opened, columns)) {
    const value = Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, plain(cell)]));
    yield { file: path, line: (line += 1), counted: "element", value };
  }
}

/** Whole numbers of 64 bits are bigints there. */
function plain(cell: unknown): unknown {
  return typeof cell === "bigint" ? Number(cell) : cell;
}
