import { UserError } from "../../errors.js";
import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "../../files/json-bytes.js";
import { fileBytes } from "../../files/text-file.js";

/** Depth of the elements of a list that is a member of the root object. */
const ELEMENT = 3;

/** An element of a list in a COCO file. */
export interface CocoElement {
  /** Name of the list, for example "annotations". */
  list: string;
  /** One JSON object. */
  bytes: Buffer;
}

/**
 * Cuts a COCO file, a JSON object of lists, into the elements of its lists without reading it whole: the largest has
 * 450 MB. Only brackets and quotation marks are looked at.
 *
 * @param path - The file.
 * @param lists - Names of the lists to read; others are passed over.
 * @throws UserError when the file is cut off or no JSON object.
 */
export async function* cocoElements(
  path: string,
  lists: readonly string[],
): AsyncGenerator<CocoElement, void, undefined> {
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Last text directly in the root object: the name of the list that opens next. */
  let name = "";
  /** What was kept of the element or name that an earlier piece of the file began. */
  let begun: Buffer[] = [];
  let opened = false;
  for await (const piece of fileBytes(path)) {
    /** Where that which is to be kept begins in this piece, -1 for nothing. */
    let from = begun.length > 0 ? 0 : -1;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          if (depth === 1) {
            name = Buffer.concat([...begun, piece.subarray(Math.max(from, 0), at)]).toString();
            begun = [];
            from = -1;
          }
        }
      } else if (byte === QUOTE) {
        inString = true;
        if (depth === 1) from = at + 1;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (depth === 0 && byte === OPEN_ARRAY) break;
        opened = true;
        depth += 1;
        if (depth === ELEMENT && byte === OPEN_OBJECT && lists.includes(name)) from = at;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (depth === ELEMENT && byte === CLOSE_OBJECT && (from !== -1 || begun.length > 0)) {
          yield { list: name, bytes: Buffer.concat([...begun, piece.subarray(Math.max(from, 0), at + 1)]) };
          begun = [];
          from = -1;
        }
        depth -= 1;
      }
    }
    if (from !== -1) begun.push(piece.subarray(from));
  }
  if (!opened)
    throw new UserError(`${path}: expected a JSON object with lists ${lists.join(", ")}; download the file again`);
  if (depth !== 0) throw new UserError(`${path}: the file ends before its JSON does; it is cut off, get it whole`);
}
