import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { removeLeftovers, replaceAtomically } from "../../files/write-atomically.js";

/**
 * Writes rows as JSON, one a line; the file appears only when it is complete.
 *
 * @param path - File to write; its folder must exist.
 * @param form - JSON lines, or one array with an element a line.
 * @param rows - Rows in order; one is held at a time.
 */
export async function writeJsonRows(path: string, form: "lines" | "array", rows: AsyncIterable<object>): Promise<void> {
  await removeLeftovers(path);
  await replaceAtomically(path, (temporary) => pipeline(text(form, rows), createWriteStream(temporary)));
}

async function* text(form: "lines" | "array", rows: AsyncIterable<object>): AsyncGenerator<string, void, undefined> {
  let first = true;
  for await (const row of rows) {
    if (form === "array") yield first ? "[\n" : ",\n";
    yield JSON.stringify(row);
    if (form === "lines") yield "\n";
    first = false;
  }
  if (form === "array") yield first ? "[]\n" : "\n]\n";
}
