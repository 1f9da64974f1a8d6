import { UserError } from "../errors.js";
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./json-bytes.js";
import { fileBytes } from "./text-file.js";

/** Most bytes of one value; a file that is one object whole has some tens of millions. */
const LARGEST_VALUE = 512 * 2 ** 20;
const LINE_FEED = 0x0a;

/** The bytes of a JSON value and the line that it begins on, from 1. */
export interface JsonBytes {
  line: number;
  bytes: Buffer;
}

/**
 * Cuts a file that holds JSON objects one after another, each on as many lines as it likes. Only brackets and quotation
 * marks are looked at; whether a piece is JSON shows when it is parsed.
 *
 * @param path - The file.
 * @throws UserError when the last value is cut off, or one is too large.
 */
export async function* jsonValues(path: string): AsyncGenerator<JsonBytes, void, undefined> {
  let begun: Buffer[] = [];
  let length = 0;
  let line = 1;
  let begins = 1;
  let depth = 0;
  let [inString, escaped] = [false, false];
  for await (const piece of fileBytes(path)) {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number;
      if (byte === LINE_FEED) line += 1;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) inString = true;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
        if (depth === 0) begins = line;
        depth += 1;
      } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
        depth -= 1;
        if (depth > 0) continue;
        depth = 0;
        yield { line: begins, bytes: Buffer.concat([...begun, piece.subarray(from, at + 1)]) };
        begun = [];
        length = 0;
        from = at + 1;
      }
    }
    begun.push(piece.subarray(from));
    length += piece.length - from;
    if (length > LARGEST_VALUE) {
      throw new UserError(`${path} line ${begins}: is larger than 512 MiB, expected rows one by one`);
    }
  }
  const rest = Buffer.concat(begun);
  if (depth > 0) {
    throw new UserError(`${path} line ${begins}: the file ends before this value does; it is cut off, get it whole`);
  }
  if (rest.some((byte) => byte > 0x20)) yield { line: begins, bytes: rest };
}
