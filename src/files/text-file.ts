import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { UserError } from "../errors.js";

/** No honest line of an answer file comes near this size; it keeps memory bounded where line ends are missing. */
const LONGEST_LINE = 64 * 2 ** 20;
/** A file that is read whole becomes one text, which can have twice as many characters. */
const LARGEST_WHOLE = 256 * 2 ** 20;
const LINE_FEED = 0x0a;
const MARK = "\uFEFF";

/** Files that are no text at all, by their first bytes. */
const PACKED = [
  { magic: [0x1f, 0x8b], what: "compressed with gzip", mend: "unpack it with gunzip" },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], what: "compressed with zstd", mend: "unpack it with zstd -d" },
  { magic: [0x42, 0x5a, 0x68], what: "compressed with bzip2", mend: "unpack it with bunzip2" },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: "compressed with xz", mend: "unpack it with unxz" },
  {
    magic: [0x50, 0x4b, 0x03, 0x04],
    what: "a zip archive or an Excel file",
    mend: "unpack it, or save the table as .tsv",
  },
  { magic: [0x50, 0x41, 0x52, 0x31], what: "a Parquet file", mend: "name the file of the answers" },
  { magic: [0x80, 0x04, 0x95], what: "a pickle of Python", mend: "save its rows as JSON" },
];

/** A line of a text file. */
export interface TextLine {
  /** From 1. */
  line: number;
  /** Without its line end, and without the byte order mark of the file. */
  text: string;
}

/**
 * The bytes of a file, piece by piece.
 *
 * @param path - The file.
 * @throws UserError when it is missing, is a folder or may not be read.
 */
export async function* fileBytes(path: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const piece of createReadStream(path)) yield piece as Buffer;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Reads a file whole.
 *
 * @param path - The file.
 * @throws UserError when it cannot be read, or goes on beyond 256 MiB: what is larger is read in pieces, or is another file.
 */
export async function readWhole(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of fileBytes(path)) {
    pieces.push(piece);
    length += piece.length;
    if (length > LARGEST_WHOLE) {
      throw new UserError(`${path}: has more than 256 MiB, expected a smaller file; check that it is the right one`);
    }
  }
  return Buffer.concat(pieces);
}

/**
 * The message for a file that cannot be read.
 *
 * @param path - The file.
 * @param cause - What the file system threw.
 * @returns A UserError that names the file; `cause` itself when no file system threw it.
 */
export function unreadable(path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === "ENOENT" || code === "ENOTDIR") return new UserError(`${path}: no such file; check the path`);
  if (code === "EISDIR") return new UserError(`${path}: is a folder, expected a file`);
  if (code === "EACCES" || code === "EPERM") return new UserError(`${path}: may not be read; check its permissions`);
  if (code === "ERR_INVALID_ARG_VALUE") return new UserError(`${JSON.stringify(path)}: is no path of a file`);
  return code === undefined ? cause : new UserError(`${path}: cannot be read (${code})`);
}

/**
 * Refuses a file that is no text at all, such as a compressed one.
 *
 * @param bytes - Its beginning.
 * @param place - Names it for the message.
 * @throws UserError naming what it is.
 */
export function refusePacked(bytes: Buffer, place: string): void {
  const packed = PACKED.find(({ magic }) => magic.every((byte, at) => bytes[at] === byte));
  if (packed !== undefined) throw new UserError(`${place}: is ${packed.what}, expected text; ${packed.mend}`);
}

/**
 * Decodes bytes as strict UTF-8.
 *
 * @param bytes - Whole characters.
 * @param place - Names the place for the message, for example "answers.jsonl line 3".
 * @throws UserError when they are anything else, naming what they look like.
 */
export function decodeUtf8(bytes: Buffer, place: string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  refusePacked(bytes, place);
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const found = utf16 ? "is UTF-16" : "holds bytes that are not UTF-8";
  throw new UserError(`${place}: ${found}, expected UTF-8 text; convert the file, for example with iconv`);
}

/** Takes the byte order mark off the beginning of a file's text. */
export function withoutMark(text: string): string {
  return text.startsWith(MARK) ? text.slice(MARK.length) : text;
}

/**
 * Reads the lines of a UTF-8 file one by one; a line end after the last line makes no further line.
 *
 * @param path - The file.
 * @throws UserError naming the line that is not UTF-8 or has no end.
 */
export async function* textLines(path: string): AsyncGenerator<TextLine, void, undefined> {
  for await (const { line, bytes } of byteLines(path)) {
    const text = decodeUtf8(bytes, `${path} line ${line}`);
    yield { line, text: (line === 1 ? withoutMark(text) : text).replace(/\r$/, "") };
  }
}

/**
 * Reads a file line by line, in any encoding; a newline at the end adds no further line.
 *
 * @param path - The file.
 * @throws UserError naming the line that has no end.
 */
export async function* byteLines(path: string): AsyncGenerator<{ line: number; bytes: Buffer }, void, undefined> {
  let line = 0;
  let begun: Buffer[] = [];
  let length = 0;
  const finish = (end: Buffer): { line: number; bytes: Buffer } => {
    line += 1;
    const bytes = begun.length === 0 ? end : Buffer.concat([...begun, end]);
    begun = [];
    length = 0;
    return { line, bytes };
  };
  for await (const piece of fileBytes(path)) {
    let from = 0;
    for (let end = piece.indexOf(LINE_FEED); end !== -1; end = piece.indexOf(LINE_FEED, from)) {
      yield finish(piece.subarray(from, end));
      from = end + 1;
    }
    if (from === piece.length) continue;
    begun.push(piece.subarray(from));
    length += piece.length - from;
    if (length > LONGEST_LINE) {
      throw new UserError(`${path} line ${line + 1}: is longer than 64 MiB, expected line ends between the rows`);
    }
  }
  if (length > 0) yield finish(Buffer.alloc(0));
}
