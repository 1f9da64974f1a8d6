import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/**
 * The last lines of a log.
 *
 * @returns Empty when the file is missing or empty.
 */
export function logTail(path: string, lines = 12, bytes = 8192): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const read = readSync(file, buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.toString("utf8", 0, read).trimEnd().split("\n").slice(-lines);
    // A progress bar overwrites itself: only the last state counts.
    return text.map((line) => line.slice(line.lastIndexOf("\r") + 1)).join("\n");
  } finally {
    closeSync(file);
  }
}
