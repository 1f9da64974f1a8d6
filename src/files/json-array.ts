import { UserError } from "../errors.js";
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./json-bytes.js";
import { fileBytes } from "./text-file.js";

/** Most bytes of one element; an answer has a few thousand. */
const LARGEST_ELEMENT = 64 * 2 ** 20;

/**
 * Cuts a file that holds one JSON array into the bytes of its elements, without reading it whole. Only brackets,
 * commas and quotation marks are looked at; whether an element is JSON shows when it is parsed.
 *
 * @param path - The file.
 * @throws UserError when the file holds no array, is cut off, or has more after the array.
 */
export async function* arrayElements(path: string): AsyncGenerator<Buffer, void, undefined> {
  const cutter = new ElementCutter(path);
  for await (const piece of fileBytes(path)) yield* cutter.take(piece);
  cutter.end();
}

class ElementCutter {
  readonly #path: string;
  #place: "before" | "inside" | "behind" = "before";
  #first = true;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #marks = 0;
  #begun: Buffer[] = [];
  #length = 0;
  #elements = 0;

  constructor(path: string) {
    this.#path = path;
  }

  *take(piece: Buffer): Generator<Buffer, void, undefined> {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number;
      if (this.#place !== "inside") {
        this.#outside(byte);
        from = at + 1;
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#depth += 1;
      else if ((byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) && this.#depth > 0) this.#depth -= 1;
      else if (byte === COMMA && this.#depth === 0) {
        yield this.#element(piece.subarray(from, at));
        this.#first = false;
        from = at + 1;
      } else if (byte === CLOSE_ARRAY) {
        const last = this.#element(piece.subarray(from, at));
        if (!this.#first || !isBlank(last)) yield last;
        this.#place = "behind";
        from = at + 1;
      }
    }
    if (this.#place !== "inside") return;
    this.#begun.push(piece.subarray(from));
    this.#length += piece.length - from;
    if (this.#length > LARGEST_ELEMENT) {
      throw new UserError(`${this.#path} element ${this.#elements + 1}: is larger than 64 MiB, expected one row`);
    }
  }

  end(): void {
    if (this.#place === "before") throw new UserError(`${this.#path}: is empty, expected a JSON array`);
    if (this.#place === "inside") {
      throw new UserError(
        `${this.#path} element ${this.#elements + 1}: the file ends before its array does; it is cut off, get it whole`,
      );
    }
  }

  #element(end: Buffer): Buffer {
    const bytes = this.#begun.length === 0 ? end : Buffer.concat([...this.#begun, end]);
    this.#begun = [];
    this.#length = 0;
    this.#elements += 1;
    return bytes;
  }

  #outside(byte: number): void {
    // The byte order mark: three bytes at the very beginning.
    if (this.#place === "before" && this.#marks < 3 && byte === [0xef, 0xbb, 0xbf][this.#marks]) {
      this.#marks += 1;
      return;
    }
    this.#marks = 3;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) return;
    if (this.#place === "behind") {
      throw new UserError(
        `${this.#path}: has more after the end of its array, expected one JSON array and nothing else`,
      );
    }
    if (byte !== OPEN_ARRAY) {
      const found =
        byte === OPEN_OBJECT ? "a JSON object or JSON lines" : byte >= 0xfe ? "UTF-16 text" : "something else";
      throw new UserError(`${this.#path}: expected a JSON array, [...], found ${found}`);
    }
    this.#place = "inside";
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
