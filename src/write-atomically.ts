import { randomUUID } from "node:crypto";
import { open, rename, rm, writeFile } from "node:fs/promises";

/**
 * Makes a file under a temporary name beside it, syncs it and renames it, so that readers see all of it or none.
 *
 * @param path - The file; its folder must exist.
 * @param write - Makes the file at the path that it is given.
 * @throws What `write` throws; neither the temporary file nor a part of the new one is left then.
 */
export async function replaceAtomically(path: string, write: (temporaryPath: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
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
    throw error;
  }
}

/**
 * Writes a file so that readers see all of it or none.
 *
 * @param path - The file; its folder must exist.
 * @param content - All of it; text is written as UTF-8.
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  await replaceAtomically(path, (temporaryPath) => writeFile(temporaryPath, content));
}
