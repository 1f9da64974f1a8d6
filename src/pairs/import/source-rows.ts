import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, relative } from "node:path";
import { UserError } from "../../errors.js";
import { shown } from "../../files/rows.js";
import { arrayElements } from "../../files/json-array.js";
import { jsonErrorPosition } from "../../files/json-position.js";
import { byteLines, decodeUtf8, fileBytes, unreadable, withoutMark } from "../../files/text-file.js";
import { untakenFields } from "./extra-fields.js";
import { sectionElements } from "./json-sections.js";
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

type RowSettings = Pick<ImportSettings, "ignore" | "dropSystem" | "map" | "split">;
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
  for (const file of await sourceFiles(source, settings.split)) yield* pairsOfFile(file, settings, toPairs);
}

/** As {@link eachPair}, of one file. */
async function* pairsOfFile(
  file: string,
  settings: RowSettings,
  toPairs: ToPairs,
): AsyncGenerator<SourcePair, void, undefined> {
  for await (const { place, value } of fileRows(file)) {
    for (const found of pairsOfRow(value, settings, toPairs)) yield { place, found };
  }
}

/** The row under the names that its format expects. */
function renamed(value: unknown, map: Readonly<Record<string, string>>): unknown {
  const names = Object.entries(map);
  if (names.length === 0 || typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = { ...(value as Record<string, unknown>) };
  for (const [from] of names) delete fields[from];
  for (const [from, to] of names) {
    if (Object.hasOwn(value, from)) fields[to] = (value as Record<string, unknown>)[from];
  }
  return fields;
}

function pairsOfRow(value: unknown, settings: RowSettings, toPairs: ToPairs): readonly (PairDraft | RowFault)[] {
  if (value instanceof RowFault) return [value];
  try {
    const row = new RowFields(renamed(value, settings.map ?? {})).without(settings.ignore);
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

const SPLIT = /(?:^|[^a-z])(train|training|test|testing|validation|valid|val|dev|eval)(?=[^a-z]|$)/i;

/** The split that a file is of by the name of it or of its folder. */
function splitOf(path: string, source: string): string | undefined {
  const name = SPLIT.exec(basename(path)) ?? SPLIT.exec(relative(source, path));
  return name?.[1]?.toLowerCase();
}

/** Files of one split; the test split must not get into training by chance. */
function filesOfSplit(files: readonly string[], source: string, wanted: string | undefined): string[] {
  if (wanted === "all") return [...files];
  const splits = new Set(files.map((path) => splitOf(path, source)));
  const named = [...splits].filter((split) => split !== undefined);
  if (wanted !== undefined) {
    const found = files.filter((path) => splitOf(path, source) === wanted.toLowerCase());
    if (found.length > 0) return found;
    const there = named.length === 0 ? "no file named by a split" : `the splits ${named.join(", ")}`;
    throw new UserError(`--split: ${source} has none called ${wanted}, found ${there}; name one of them, or all`);
  }
  if (splits.size < 2) return [...files];
  const others = splits.has(undefined) ? " and files of none" : "";
  throw new UserError(`${source}: holds the splits ${named.join(", ")}${others}; name one with --split, or all`);
}

async function sourceFiles(source: string, split: string | undefined): Promise<string[]> {
  const found = await stat(source).catch((cause: unknown) => {
    throw unreadable(source, cause);
  });
  if (!found.isDirectory()) return [source];
  const names = (await readdir(source, { recursive: true, withFileTypes: true }))
    // The files of a hub's cache are links.
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => basename(path) !== "dataset_info.json")
    .sort();
  for (const kind of KINDS) {
    const files = names.filter((name) => extname(name).toLowerCase() === kind);
    if (files.length > 0) return filesOfSplit(files, source, split);
  }
  throw new UserError(`${source}: holds no file that ends in ${KINDS.join(", ")}; name the folder or file of the rows`);
}

/** Rows of a file; one that is no JSON is a RowFault. */
async function* fileRows(file: string): AsyncGenerator<SourceRow, void, undefined> {
  const kind = extname(file).toLowerCase();
  if (kind === ".parquet") yield* parquetFileRows(file);
  else if (kind === ".json" && (await beginsArray(file))) yield* arrayRows(file);
  else if (kind === ".json" && (await holdsData(file))) yield* dataRows(file);
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

/** Rows of `{"data": [...]}`. */
async function* dataRows(file: string): AsyncGenerator<SourceRow, void, undefined> {
  for await (const { number, value } of sectionElements(file, new Set(["data"]))) {
    yield { place: { file, unit: "element", number }, value };
  }
}

/** Whether a file begins as one object of several lines, or one whose first field is the list `data`. */
async function holdsData(file: string): Promise<boolean> {
  for await (const piece of fileBytes(file))
    return /^\uFEFF?\s*\{\s*"data"\s*:\s*\[/.test(piece.toString("utf8", 0, 4096));
  return false;
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
