import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, truncate } from "node:fs/promises";
import { createInterface } from "node:readline";
import { UserError } from "../errors.js";

/** A line before the last cannot be read. */
export class DamagedLineError extends Error {
  override readonly name = "DamagedLineError";
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;

  constructor(path: string, line: number, reason = "not JSON", cause?: unknown) {
    super(`${path}, line ${line}: ${reason}`, { cause });
    this.line = line;
    this.reason = reason;
  }
}

/** Appends JSON lines to a file, one write at a time and in the order of the calls. */
export class JsonlWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sync: boolean;
  #last: Promise<void> = Promise.resolve();
  #end: number;

  private constructor(path: string, file: FileHandle, sync: boolean, end: number) {
    this.#path = path;
    this.#file = file;
    this.#sync = sync;
    this.#end = end;
  }

  /** The byte at which the next line begins. */
  get end(): number {
    return this.#end;
  }

  /**
   * Opens a file for appending; it is created when missing, and a torn last line is cut off.
   *
   * @param options.sync Wait after every entry until the disk has it.
   * @throws UserError when the file holds something else than JSON lines: it is left as it is.
   */
  static async open(path: string, options: { sync?: boolean } = {}): Promise<JsonlWriter> {
    await requireJsonl(path);
    const file = await open(path, "a");
    try {
      await endLastLine(path, file);
      return new JsonlWriter(path, file, options.sync ?? false, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Appends the values, one line each; resolves when they are written: await it, and the producer slows to the disk.
   *
   * @throws UserError when they cannot be written, as on a full disk; nothing more is written then, since a line may be
   *   torn.
   */
  append(...values: readonly object[]): Promise<void> {
    const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
    this.#end += Buffer.byteLength(text);
    return this.#then(async () => {
      await this.#file.appendFile(text);
      if (this.#sync) await this.#file.datasync();
    });
  }

  /**
   * Resolves when the disk has everything appended so far.
   *
   * @throws UserError as `append`.
   */
  sync(): Promise<void> {
    return this.#then(() => this.#file.datasync());
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        await work();
      } catch (cause) {
        const { message } = cause as Error;
        throw new UserError(`${this.#path}: cannot be written (${message}): make room there, then resume`, { cause });
      }
    });
    return this.#last;
  }

  /** Waits for what was appended and closes the file. */
  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#file.close();
  }
}

/** What is not ours is no torn line, and is not cut off: a file of our own begins with an object, whole or torn. */
async function requireJsonl(path: string): Promise<void> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PIECE), 0, PIECE, 0);
    const [line = "", ...others] = buffer.toString("utf8", 0, bytesRead).split("\n", 2);
    // After a power cut the bytes of a line may be there, but zero.
    const isOwn = line === "" || line.includes("\0") || (others.length > 0 ? isObject(line) : line.startsWith("{"));
    if (!isOwn)
      throw new UserError(`${path}: holds something else than JSON lines, and is left as it is; name another`);
  } finally {
    await file.close();
  }
}

/** Cuts a torn last line off, after which an entry would be lost; a whole one only lacks its end. */
async function endLastLine(path: string, file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  let start = size;
  for await (const line of backwards(path)) {
    if (line.text !== null && !line.text.includes("\0")) break;
    start = line.start;
  }
  if (start < size && size - start < LONGEST_WHOLE && isObject((await bytesFrom(path, start)).toString("utf8"))) {
    await file.appendFile("\n");
  } else if (start < size) {
    await truncate(path, start);
  }
}

/** Bytes of a last line without an end that is looked at: one that a person wrote is shorter. */
const LONGEST_WHOLE = 16 * 2 ** 20;

async function bytesFrom(path: string, start: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path, { start })) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

/**
 * Reads JSON lines one by one; a torn last line, left by a writer that was killed, is dropped.
 *
 * @throws DamagedLineError when a line before the last is not JSON.
 */
export async function* readJsonl<T = unknown>(path: string): AsyncGenerator<T, void, undefined> {
  for await (const { value } of scanLines(path, (text) => JSON.parse(text) as T)) {
    if (value instanceof DamagedLineError) throw value;
    yield value;
  }
}

/**
 * Reads lines one by one, past damaged ones, each with its number, counted from 1; a torn last line is dropped.
 *
 * @param parse - What a line says; it throws where the line is damaged.
 */
export async function* scanLines<T>(
  path: string,
  parse: (text: string) => T,
): AsyncGenerator<{ number: number; value: T | DamagedLineError }, void, undefined> {
  const input = createReadStream(path, "utf8");
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  let torn: DamagedLineError | undefined;
  try {
    for await (const line of lines) {
      if (torn !== undefined) yield { number, value: torn };
      torn = undefined;
      number += 1;
      if (line === "") continue;
      let value: T;
      try {
        value = parse(line);
      } catch (cause) {
        torn = new DamagedLineError(path, number, undefined, cause);
        continue;
      }
      yield { number, value };
    }
  } finally {
    // A reader may leave early.
    input.destroy();
  }
}

/** All of `readJsonl`. */
export async function readAllJsonl<T>(path: string): Promise<T[]> {
  const values: T[] = [];
  for await (const value of readJsonl<T>(path)) values.push(value);
  return values;
}

/** Bytes of a file that are held when it is read from its end. */
const PIECE = 64 * 1024;

/**
 * Reads the lines of a file from the last to the first, and at which byte each begins, no more of it than is asked for; a
 * torn last line is dropped.
 *
 * @returns None where the file is missing.
 */
export async function* linesFromEnd(path: string): AsyncGenerator<{ start: number; text: string }, void, undefined> {
  for await (const { start, text } of backwards(path)) if (text !== null) yield { start, text };
}

/**
 * Truncates a file after the last line to keep, reading only that line and what is cut off.
 *
 * @param keeps - Asked from the last line on; a torn one goes in any case. A file that is missing stays so.
 */
export async function truncateAfter(path: string, keeps: (line: string) => boolean): Promise<void> {
  let end: number | undefined;
  for await (const { start, text } of backwards(path)) {
    if (text !== null && keeps(text)) break;
    end = start;
  }
  if (end !== undefined) await truncate(path, end);
}

/** The lines of a file from the last to the first, and where they begin; the text of a torn one is null. */
async function* backwards(path: string): AsyncGenerator<{ start: number; text: string | null }, void, undefined> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    const { size } = await file.stat();
    let position = size;
    // The beginning of a line whose end was read before; of a torn line nothing is kept.
    let rest = Buffer.alloc(0);
    let isWhole = false;
    while (position > 0) {
      const piece = Buffer.alloc(Math.min(PIECE, position));
      position -= piece.length;
      const { bytesRead } = await file.read(piece, 0, piece.length, position);
      const block = Buffer.concat([piece.subarray(0, bytesRead), rest]);
      let end = block.length;
      while (end > 0) {
        const newline = block.lastIndexOf(10, end - 1);
        if (newline < 0) break;
        const start = position + newline + 1;
        if (isWhole) yield { start, text: block.toString("utf8", newline + 1, end) };
        else if (start < size) yield { start, text: null };
        isWhole = true;
        end = newline;
      }
      if (isWhole) rest = Buffer.from(block.subarray(0, end));
    }
    if (size > 0) yield { start: 0, text: isWhole ? rest.toString("utf8") : null };
  } finally {
    await file.close();
  }
}
