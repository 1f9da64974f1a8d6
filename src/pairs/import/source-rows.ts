import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { arrayElements } from "../../files/json-array.js";
import { jsonErrorPosition } from "../../files/json-position.js";
import { byteLines, decodeUtf8, fileBytes, unreadable, withoutMark } from "../../files/text-file.js";
import { untakenFields } from "./extra-fields.js";
import { refuseOtherContent } from "./other-content.js";
import { RowFields } from "./row-fields.js";
import { openParquet, parquetRows } from "../parquet-rows.js";
import {
  type ImportSettings,
  type PairDraft,
  RowFault,
  type SourcePair,
  type SourcePlace,
  type SourceRow,
} from "./importer.js";

/** Kinds of files that rows are read from; in a folder the first kind that is there is taken. */
const KINDS = [".parquet", ".jsonl", ".ndjson", ".json"] as const;

type RowSettings = Pick<ImportSettings, "ignore" | "dropSystem">;
type ToPairs = (row: RowFields) => PairDraft | readonly (PairDraft | RowFault)[];

/**
 * Reads a source row by row and lets an importer make a pair of each.
 *
 * @param source - A Parquet, JSON or JSON lines file, or a folder with files of one of these kinds, read by name.
 * @param settings - What is left out of the rows.
 * @param toPairs - Makes the pairs of a row; throws RowFault where it cannot.
 * @throws UserError when the source is missing, holds no such file, or a file as a whole cannot be read.
 */
export async function* eachPair(
  source: string,
  settings: RowSettings,
  toPairs: ToPairs,
): AsyncGenerator<SourcePair, void, undefined> {
  for (const file of await sourceFiles(source)) yield* pairsOfFile(file, settings, toPairs);
}

/** As {@link eachPair}, of one file. */
export async function* pairsOfFile(
  file: string,
  settings: RowSettings,
  toPairs: ToPairs,
): AsyncGenerator<SourcePair, void, undefined> {
  for await (const { place, value } of fileRows(file)) {
    for (const found of pairsOfRow(value, settings, toPairs)) yield { place, found };
  }
}

function pairsOfRow(value: unknown, settings: RowSettings, toPairs: ToPairs): readonly (PairDraft | RowFault)[] {
  if (value instanceof RowFault) return [value];
  try {
    const row = new RowFields(value).without(settings.ignore);
    refuseOtherContent(row, settings);
    const made = toPairs(row);
    return ("prompt" in made ? [made] : made).map((pair) => {
      if (pair instanceof RowFault) return pair;
      const { kept, leftOut } = untakenFields(row, pair.extra ?? null);
      return { ...pair, extra: kept, leftOut };
    });
  } catch (error) {
    if (error instanceof RowFault) return [error];
    throw error;
  }
}

async function sourceFiles(source: string): Promise<string[]> {
  const found = await stat(source).catch((cause: unknown) => {
    throw unreadable(source, cause);
  });
  if (!found.isDirectory()) return [source];
  const names = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => basename(path) !== "dataset_info.json")
    .sort();
  for (const kind of KINDS) {
    const files = names.filter((name) => extname(name).toLowerCase() === kind);
    if (files.length > 0) return files;
  }
  throw new UserError(`${source}: holds no file that ends in ${KINDS.join(", ")}; name the folder or file of the rows`);
}

/** Rows of a file; one that is no JSON is a RowFault. */
async function* fileRows(file: string): AsyncGenerator<SourceRow, void, undefined> {
  const kind = extname(file).toLowerCase();
  if (kind === ".parquet") yield* parquetFileRows(file);
  else if (kind === ".json" && (await beginsArray(file))) yield* arrayRows(file);
  else if (kind === ".json" || kind === ".jsonl" || kind === ".ndjson") yield* lineRows(file);
  else throw new UserError(`${file}: ends in ${kind === "" ? "nothing" : kind}, expected one of ${KINDS.join(", ")}`);
}

async function* parquetFileRows(file: string): AsyncGenerator<SourceRow, void, undefined> {
  let number = 0;
  for await (const value of parquetRows(await openParquet(file))) {
    yield { place: { file, unit: "row", number }, value };
    number += 1;
  }
}

async function* lineRows(file: string): AsyncGenerator<SourceRow, void, undefined> {
  for await (const { line, bytes } of byteLines(file)) {
    const value = parsed(bytes, "line", line === 1);
    if (value !== undefined) yield { place: { file, unit: "line", number: line }, value };
  }
}

async function* arrayRows(file: string): AsyncGenerator<SourceRow, void, undefined> {
  let number = 0;
  for await (const bytes of arrayElements(file)) {
    number += 1;
    const value = parsed(bytes, "element", false) ?? new RowFault("(element)", "found nothing, expected an object");
    yield { place: { file, unit: "element", number }, value };
  }
}

/** Undefined where there is nothing but space. */
function parsed(bytes: Buffer, unit: SourcePlace["unit"], first: boolean): unknown {
  const field = `(${unit})`;
  let text: string;
  try {
    text = decodeUtf8(bytes, field);
  } catch {
    return new RowFault(field, "holds bytes that are not UTF-8, expected UTF-8 text");
  }
  if (first) text = withoutMark(text);
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const { column } = jsonErrorPosition(text);
    return new RowFault(field, `is not JSON from character ${column} on (found ${shown(text.trim())})`);
  }
}

async function beginsArray(file: string): Promise<boolean> {
  for await (const piece of fileBytes(file)) {
    const start = /^\uFEFF?\s*(\S)/.exec(piece.toString("utf8", 0, 4096));
    if (start !== null) return start[1] === "[";
  }
  throw new UserError(`${file}: is empty, expected rows`);
}
