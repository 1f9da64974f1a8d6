import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { UserError } from "../errors.js";

/** Bytes: what is written first has the name with an identity and an ending behind it. */
const LONGEST_NEW_NAME = 200;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "it may not be written to",
  EPERM: "it may not be written to",
  EROFS: "the disk is mounted for reading alone",
  ENOSPC: "the disk is full",
  EDQUOT: "your part of the disk is full",
  ENAMETOOLONG: "a name in it is too long",
  EISDIR: "a folder is there, expected a file or nothing",
  ENOTDIR: "a file is where it needs a folder",
  EEXIST: "a file is where it needs a folder",
  ENOENT: "nothing can be made there",
};

/**
 * The message for a file or folder that cannot be written.
 *
 * @param path - As the user named it.
 * @param cause - What the file system threw.
 * @returns A UserError that names the path; `cause` itself when no file system threw it.
 */
export function unwritable(path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === undefined || cause instanceof UserError) return cause;
  return new UserError(`${path}: cannot be written: ${REASONS[code] ?? code}; name another, or mend this one`, {
    cause,
  });
}

/**
 * Makes a folder, and the folders above it that are missing.
 *
 * @param path - The folder; one that is there is left as it is.
 * @param mode - Of each folder that is made.
 * @throws UserError when it cannot be made.
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  // Node's own recursion never ends where a file system makes no folders, as in /proc.
  const missing: string[] = [];
  try {
    for (let above = path; (await kindOf(above)) === "nothing"; above = dirname(above)) missing.unshift(above);
    for (const folder of missing) {
      await mkdir(folder, mode).catch(async (error: NodeJS.ErrnoException) => {
        // Another process may have made it meanwhile.
        if (error.code !== "EEXIST" || (await kindOf(folder)) !== "folder") throw error;
      });
    }
    if ((await kindOf(path)) !== "folder") throw Object.assign(new Error("is a file"), { code: "EEXIST" });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Finds out, before any work is done, whether a file or folder can be written; nothing is made.
 *
 * @param path - As the user named it.
 * @param kind - Left out where a file is as good as a folder.
 * @throws UserError when it cannot.
 */
export async function requireWritable(path: string, kind?: "file" | "folder"): Promise<void> {
  const bytes = Buffer.byteLength(basename(path));
  if (bytes > LONGEST_NEW_NAME) {
    throw new UserError(`${path}: has a name of ${bytes} bytes, expected at most ${LONGEST_NEW_NAME}; shorten it`);
  }
  try {
    const found = await kindOf(path);
    if (kind === "file" && found === "folder") throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    if (kind === "folder" && found === "other") throw Object.assign(new Error("is a file"), { code: "EEXIST" });
    let above = dirname(path);
    while ((await kindOf(above)) === "nothing") above = dirname(above);
    if ((await kindOf(above)) !== "folder") throw Object.assign(new Error("is a file"), { code: "ENOTDIR" });
    await access(above, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function kindOf(path: string): Promise<"folder" | "other" | "nothing"> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "other";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "nothing";
  }
}
