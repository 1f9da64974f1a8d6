import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, readFile, truncate } from "node:fs/promises";
import { createInterface } from "node:readline";
import { UserError } from "../errors.js";

/** A line before the last is not JSON. */
export class DamagedLineError extends Error {
  override readonly name = "DamagedLineError";
  /** Counted from 1. */
  readonly line: number;

  constructor(path: string, line: number, cause: unknown) {
    super(`${path}, line ${line}: not JSON.`, { cause });
    this.line = line;
  }
}

/** Appends JSON lines to a file, one write at a time and in the order of the calls. */
export class JsonlWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sync: boolean;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, sync: boolean) {
    this.#path = path;
    this.#file = file;
    this.#sync = sync;
  }

  /**
   * Opens a file for appending; it is created when missing, and a torn last line is cut off.
   *
   * @param options.sync Wait after every entry until the disk has it.
   */
  static async open(path: string, options: { sync?: boolean } = {}): Promise<JsonlWriter> {
    const file = await open(path, "a");
    await cutTornLine(path);
    return new JsonlWriter(path, file, options.sync ?? false);
  }

  /**
   * Appends the values, one line each; resolves when they are written: await it, and the producer slows to the disk.
   *
   * @throws UserError when they cannot be written, as on a full disk; nothing more is written then, since a line may be
   *   torn.
   */
  append(...values: readonly object[]): Promise<void> {
    const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
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
        throw new UserError(`${this.#path}: cannot be written (${message}): make room there, and go on`, { cause });
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

/** An entry appended behind a torn line would be lost with it; after a power cut its bytes may be there, but zero. */
async function cutTornLine(path: string): Promise<void> {
  const content = await readFile(path);
  let end = content.lastIndexOf(10) + 1;
  while (end > 0) {
    const start = end < 2 ? 0 : content.lastIndexOf(10, end - 2) + 1;
    if (isJson(content.toString("utf8", start, end))) break;
    end = start;
  }
  if (end < content.length) await truncate(path, end);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
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
  const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity });
  let number = 0;
  let torn: { number: number; cause: unknown } | undefined;
  for await (const line of lines) {
    number += 1;
    if (torn !== undefined) throw new DamagedLineError(path, torn.number, torn.cause);
    if (line === "") continue;
    let value: T;
    try {
      value = JSON.parse(line) as T;
    } catch (cause) {
      torn = { number, cause };
      continue;
    }
    yield value;
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
 * Reads the lines of a file from the last to the first, no more of it than is asked for; a torn last line is dropped.
 *
 * @returns None where the file is missing.
 */
export async function* linesFromEnd(path: string): AsyncGenerator<string, void, undefined> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    let position = (await file.stat()).size;
    // The beginning of a line whose end was read before.
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
        if (isWhole) yield block.toString("utf8", newline + 1, end);
        isWhole = true;
        end = newline;
      }
      rest = Buffer.from(block.subarray(0, end));
    }
    if (isWhole) yield rest.toString("utf8");
  } finally {
    await file.close();
  }
}
