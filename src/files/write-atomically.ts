import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { unwritable } from "./writable.js";

/**
 * Names a file or folder that only this process uses, beside another; {@link removeLeftovers} finds it if the process is killed.
 *
 * @param path - The other file.
 * @param ending - What it is for.
 */
export function temporaryBeside(path: string, ending: "tmp" | "pictures" | "log" | "spill" = "tmp"): string {
  return `${path}.${randomUUID()}.${ending}`;
}

/**
 * Makes a file under a temporary name beside it, syncs it and renames it, so that readers see all or nothing.
 *
 * @param path - The file; its folder must exist.
 * @param write - Makes the file at the path that it is given.
 * @throws What `write` throws, and UserError when the file cannot be written; neither the temporary file nor a part of the
 *   new one is left then.
 */
export async function replaceAtomically(path: string, write: (temporaryPath: string) => Promise<void>): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await write(temporary);
    const file = await open(temporary, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw (error as NodeJS.ErrnoException).path === temporary ? unwritable(path, error) : error;
  }
}

/**
 * Writes a file so that readers see all or nothing.
 *
 * @param path - The file; its folder must exist.
 * @param content - All of it; text is written as UTF-8.
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  await replaceAtomically(path, (temporaryPath) => writeFile(temporaryPath, content));
}

/** Of a file that was made for a temporary one there are two. */
const LEFT_OVER = /(\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(tmp|pictures|log|spill))+$/;
/** What DuckDB puts into the folder that it is given for what memory does not hold. */
const SPILT = /^duckdb_temp_/;

/** Whether a name is that of a temporary file beside another. */
export function isLeftover(name: string): boolean {
  return LEFT_OVER.test(name);
}

/**
 * Removes temporary files that killed processes left beside a file; call it before writing a file that can be large.
 *
 * @param path - The file; nobody else may be writing it.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const name = basename(path);
  for (const entry of await readdir(dirname(path), { withFileTypes: true }).catch(() => [])) {
    if (!isLeftover(entry.name) || entry.name.replace(LEFT_OVER, "") !== name) continue;
    const leftover = join(dirname(path), entry.name);
    if (entry.isFile() && !entry.name.endsWith(".spill")) await rm(leftover, { force: true });
    else if (entry.isDirectory() && entry.name.endsWith(".spill")) await removeSpill(leftover);
  }
}

/** Removes a folder of DuckDB's; one that holds anything else stays. */
async function removeSpill(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (!names.every((name) => SPILT.test(name))) return;
  for (const name of names) await rm(join(folder, name), { force: true });
  await rmdir(folder);
}
