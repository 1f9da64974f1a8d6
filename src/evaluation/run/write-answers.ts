import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { replaceAtomically } from "../../files/write-atomically.js";
import type { Benchmark } from "../benchmark.js";
import { unwritable } from "../../files/writable.js";

/** A row of a folder of text files: the file's name and its line. */
interface TextFolderRow {
  file: string;
  text: string;
}

/**
 * Writes an answer file in its benchmark's format; it appears complete or not at all.
 *
 * @param out - The file; for a folder of text files, the folder.
 * @param format - As the benchmark names it.
 * @param rows - What the benchmark's `answerRow` gave, in the order of its questions.
 */
export async function writeAnswers(out: string, format: Benchmark["answers"], rows: readonly unknown[]): Promise<void> {
  if (format === "text-folder") return writeTextFolder(out, rows as readonly TextFolderRow[]);
  await replaceAtomically(out, (path) =>
    pipeline(Readable.from(format === "jsonl" ? lines(rows) : array(rows)), createWriteStream(path)),
  );
}

function* lines(rows: readonly unknown[]): Generator<string> {
  for (const row of rows) yield `${JSON.stringify(row)}\n`;
}

function* array(rows: readonly unknown[]): Generator<string> {
  yield "[";
  for (const [at, row] of rows.entries()) yield `${at === 0 ? "" : ","}\n${JSON.stringify(row)}`;
  yield "\n]\n";
}

async function writeTextFolder(out: string, rows: readonly TextFolderRow[]): Promise<void> {
  const temporary = `${out}.${randomUUID()}.tmp`;
  try {
    await mkdir(temporary);
    const files = new Map<string, string[]>();
    for (const { file, text } of rows) {
      const name = basename(file);
      const own = files.get(name) ?? [];
      own.push(`${text}\n`);
      files.set(name, own);
    }
    for (const [name, own] of files) await writeFile(join(temporary, name), own.join(""));
    await rename(temporary, out);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw unwritable(out, error);
  }
}
