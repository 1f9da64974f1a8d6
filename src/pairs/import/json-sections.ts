import { UserError } from "../../errors.js";
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from "../../files/json-bytes.js";
import { decodeUtf8, fileBytes } from "../../files/text-file.js";

const LARGEST_ELEMENT = 64 * 2 ** 20;

/** An element of an array that stands in the file's one object. */
export interface SectionElement {
  /** Name of the array. */
  readonly section: string;
  /** From 1. */
  readonly number: number;
  readonly value: unknown;
}

/**
 * Reads the elements of the arrays in a file that holds one JSON object, without holding the file.
 *
 * @param path - The file.
 * @param sections - Names of the arrays that are wanted.
 * @throws UserError when the file holds no object or is cut off, or an element is not JSON.
 */
export async function* sectionElements(
  path: string,
  sections: ReadonlySet<string>,
): AsyncGenerator<SectionElement, void, undefined> {
  const cutter = new SectionCutter(path, sections);
  for await (const piece of fileBytes(path)) yield* cutter.take(piece);
  cutter.end();
}

/** Depth 1 is within the object, depth 2 within one of its arrays or objects. */
class SectionCutter {
  readonly #path: string;
  readonly #sections: ReadonlySet<string>;
  #depth = 0;
  #ended = false;
  #inString = false;
  #escaped = false;
  /** Bytes of the key at depth 1, or of the element at depth 2 in a wanted array. */
  #begun: Buffer[] = [];
  #length = 0;
  #key = "";
  #inArray = false;
  #number = 0;

  constructor(path: string, sections: ReadonlySet<string>) {
    this.#path = path;
    this.#sections = sections;
  }

  *take(piece: Buffer): Generator<SectionElement, void, undefined> {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE && this.#depth > 0) {
        this.#inString = true;
      } else if (this.#depth === 1 && byte === COLON) {
        this.#key = this.#keyText(this.#bytes(piece.subarray(from, at)));
        from = at + 1;
      } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
        if (this.#depth === 0) this.#start(byte);
        this.#depth += 1;
        if (this.#depth === 2) {
          this.#inArray = byte === OPEN_ARRAY;
          this.#number = 0;
        }
        if (this.#depth <= 2) from = this.#cut(at);
      } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
        if (this.#depth === 2 && this.#wanted) yield* this.#element(piece.subarray(from, at), true);
        if (this.#depth <= 2) from = this.#cut(at);
        this.#depth -= 1;
        if (this.#depth === 0) this.#ended = true;
        if (this.#depth < 0) throw this.#broken();
      } else if (byte === COMMA && this.#depth === 2 && this.#wanted) {
        yield* this.#element(piece.subarray(from, at), false);
        from = at + 1;
      } else if (byte === COMMA && this.#depth === 1) {
        from = this.#cut(at);
      } else if (this.#depth === 0 && byte > 0x20 && !(byte === 0xef || byte === 0xbb || byte === 0xbf)) {
        throw this.#broken();
      }
    }
    const kept = this.#depth === 1 || (this.#depth >= 2 && this.#wanted);
    if (!kept) return;
    this.#begun.push(piece.subarray(from));
    this.#length += piece.length - from;
    if (this.#length > LARGEST_ELEMENT) throw new UserError(`${this.#path}: an element is larger than 64 MiB`);
  }

  end(): void {
    if (this.#ended) return;
    if (this.#depth === 0) throw new UserError(`${this.#path}: is empty, expected one JSON object`);
    throw new UserError(`${this.#path}: ends before its object does; it is cut off, get it whole`);
  }

  get #wanted(): boolean {
    return this.#inArray && this.#sections.has(this.#key);
  }

  #start(byte: number): void {
    if (byte !== OPEN_OBJECT || this.#ended) throw this.#broken();
  }

  /** Forgets what came before a place. */
  #cut(at: number): number {
    this.#begun = [];
    this.#length = 0;
    return at + 1;
  }

  #bytes(end: Buffer): Buffer {
    const bytes = this.#begun.length === 0 ? end : Buffer.concat([...this.#begun, end]);
    this.#cut(0);
    return bytes;
  }

  #keyText(bytes: Buffer): string {
    try {
      return String(JSON.parse(bytes.toString("utf8")));
    } catch {
      throw this.#broken();
    }
  }

  *#element(end: Buffer, last: boolean): Generator<SectionElement, void, undefined> {
    const place = `${this.#path}, ${this.#key} element ${this.#number + 1}`;
    const text = decodeUtf8(this.#bytes(end), place);
    if (last && this.#number === 0 && text.trim() === "") return;
    this.#number += 1;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new UserError(`${place}: is not JSON; download the file again or repair it`);
    }
    yield { section: this.#key, number: this.#number, value };
  }

  #broken(): UserError {
    return new UserError(`${this.#path}: is not one JSON object, expected {"images": [...], "annotations": [...]}`);
  }
}
