import { UserError } from "../errors.js";
import { arrayElements } from "./json-array.js";
import { jsonErrorPosition } from "./json-position.js";
import { parsePythonJson } from "./python-json.js";
import { jsonValues } from "./json-values.js";
import { decodeUtf8, readWhole, textLines, withoutMark } from "./text-file.js";

/** Most characters of a found value that a message repeats. */
const LONGEST_SHOWN = 60;

/** A row of a file, with its place for error messages. */
export interface FileRow {
  file: string;
  /** From 1. For a JSON array: the position of the element, from 1. */
  line: number;
  /** What `line` counts; lines where absent. */
  counted?: "line" | "element";
  /** The row as parsed; an object for JSON formats, the text of the line for text formats. */
  value: unknown;
}

/**
 * Reads JSON lines as rows, one by one; blank lines are passed over.
 *
 * @param path - The file.
 * @throws UserError naming the line that is not UTF-8 or not JSON.
 */
export async function* readJsonLines(path: string): AsyncGenerator<FileRow, void, undefined> {
  for await (const { line, text } of textLines(path)) {
    if (text.trim() === "") continue;
    yield { file: path, line, value: parsed(text, `${path} line ${line}`) };
  }
}

/**
 * Reads the elements of a JSON array as rows, one by one.
 *
 * @param path - A file that holds one array.
 * @throws UserError naming the element that is not UTF-8 or not JSON, counted from 1.
 */
export async function* readJsonArray(path: string): AsyncGenerator<FileRow, void, undefined> {
  let line = 0;
  for await (const bytes of arrayElements(path)) {
    line += 1;
    const place = `${path} element ${line}`;
    yield { file: path, line, counted: "element", value: parsed(decodeUtf8(bytes, place), place) };
  }
}

/**
 * Reads JSON objects as rows, one after another, each on one line or on many.
 *
 * @param path - The file.
 * @throws UserError naming the line on which a value begins that is not UTF-8 or not JSON.
 */
export async function* readJsonValues(path: string): AsyncGenerator<FileRow, void, undefined> {
  for await (const { line, bytes } of jsonValues(path)) {
    const where = `${path} line ${line}`;
    const text = decodeUtf8(bytes, where);
    yield { file: path, line, value: parsed(line === 1 ? withoutMark(text) : text, where) };
  }
}

/**
 * Reads a text file as rows, a line each.
 *
 * @param path - The file.
 * @throws UserError naming the line that is not UTF-8.
 */
export async function* readTextLines(path: string): AsyncGenerator<FileRow, void, undefined> {
  for await (const { line, text } of textLines(path)) yield { file: path, line, value: text };
}

/**
 * Reads a whole JSON file.
 *
 * @param path - The file.
 * @throws UserError when it is missing, empty, not UTF-8 or not JSON, with line and column.
 */
export async function readJsonFile(path: string): Promise<unknown> {
  const bytes = await readWhole(path);
  const text = withoutMark(decodeUtf8(bytes, path));
  if (text.trim() === "") throw new UserError(`${path}: is empty, expected JSON`);
  try {
    return parsePythonJson(text);
  } catch {
    const { line, column } = jsonErrorPosition(text);
    throw new UserError(
      `${path} line ${line}: is not JSON from column ${column} on; download the file again or repair it`,
    );
  }
}

/** Names the place of a row for a message, for example "answers.jsonl line 3". */
export function place(row: FileRow): string {
  return `${row.file} ${row.counted ?? "line"} ${row.line}`;
}

/** A found value as a message shows it: JSON on one line, shortened. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    // Nested so deeply that the engine gives up.
    text = Array.isArray(value) ? "[[[..." : "{...";
  }
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN - 3)}...`;
}

/**
 * Two texts as a message shows them side by side: where both are long, around the place at which they part.
 *
 * @returns Both in quotation marks, on one line.
 */
export function shownApart(one: string, other: string): [string, string] {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const from = at <= LONGEST_SHOWN - 20 ? 0 : at - 20;
  const part = (text: string): string => shown(from === 0 ? text : `...${text.slice(from)}`);
  return [part(one), part(other)];
}

/**
 * Takes a field of a row.
 *
 * @param row - A row whose value should be an object.
 * @param name - Of the field.
 * @throws UserError when the value is no object or lacks the field.
 */
export function field(row: FileRow, name: string): unknown {
  const { value } = row;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`${place(row)}: found ${shown(value)}, expected an object with field ${name}`);
  }
  if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
  const names = Object.keys(value);
  const found = names.length === 0 ? "none" : names.slice(0, 8).map(shortName).join(", ");
  throw new UserError(`${place(row)}: field ${name} is missing; expected it besides the fields found (${found})`);
}

/**
 * Takes a field that holds text.
 *
 * @param row - A row whose value should be an object.
 * @param name - Of the field.
 * @throws UserError when it is missing or no string.
 */
export function textField(row: FileRow, name: string): string {
  const value = field(row, name);
  if (typeof value === "string") return value;
  throw new UserError(`${place(row)}: field ${name} is ${shown(value)}, expected text in quotation marks`);
}

/**
 * Takes a field that holds an id: a whole number or text.
 *
 * @param row - A row whose value should be an object.
 * @param name - Of the field.
 * @returns The id as text; 7 and "7" are the same id.
 * @throws UserError when it is missing or neither.
 */
export function idField(row: FileRow, name: string): string {
  const value = field(row, name);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (typeof value === "string" && value !== "") return value;
  throw new UserError(`${place(row)}: field ${name} is ${shown(value)}, expected a whole number or text`);
}

/** Finds ids that come twice. */
export class SeenIds {
  readonly #what: string;
  readonly #seen = new Map<string, number>();

  /** @param what - Name of the field that holds the id. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Number of ids that were added. */
  get size(): number {
    return this.#seen.size;
  }

  /** Whether the id was added. */
  has(id: string): boolean {
    return this.#seen.has(id);
  }

  /**
   * Notes an id.
   *
   * @param row - Its place.
   * @param id - As `idField` returns it.
   * @throws UserError when it was noted before, naming both places.
   */
  add(row: FileRow, id: string): void {
    const earlier = this.#seen.get(id);
    if (earlier !== undefined) {
      const where = `${row.counted ?? "line"} ${earlier}`;
      throw new UserError(
        `${place(row)}: field ${this.#what} is ${shown(id)} again, first on ${where}; keep one of both`,
      );
    }
    this.#seen.set(id, row.line);
  }
}

function parsed(text: string, where: string): unknown {
  try {
    return parsePythonJson(text);
  } catch {
    const { column } = jsonErrorPosition(text);
    const found = text.trim() === "" ? "nothing" : shown(text.trim());
    throw new UserError(`${where}: is not JSON from character ${column} on (found ${found}); mend or remove it`);
  }
}

function shortName(name: string): string {
  // The quotation marks go, the escapes that keep a message on one line stay.
  return shown(name).slice(1, -1).slice(0, 24);
}
