import { realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { LONGEST_PATH, LONGEST_PATH_PART, MOST_PATH_PARTS } from "../generated/rules.js";

/**
 * Why a written path cannot be one, found without asking the system; null when it can.
 *
 * @returns What was found and what was expected.
 */
export function pathProblem(path: string): string | null {
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_PATH) return `found a path of ${bytes} bytes, expected at most ${LONGEST_PATH}`;
  if (hasControlCharacters(path)) return "found a path with control characters, expected none: rename it";
  const parts = path.split(/[/\\]/);
  if (parts.length > MOST_PATH_PARTS)
    return `found a path of ${parts.length} parts, expected at most ${MOST_PATH_PARTS}`;
  const longest = Math.max(...parts.map((part) => Buffer.byteLength(part)));
  if (longest > LONGEST_PATH_PART)
    return `found a path with a name of ${longest} bytes, expected at most ${LONGEST_PATH_PART}`;
  return null;
}

/** Whether a text holds characters that move a cursor, end a line or end a path. */
export function hasControlCharacters(text: string): boolean {
  return /[\p{Cc}\u2028\u2029]/u.test(text);
}

/**
 * A path with its symbolic links followed, as far as it exists.
 *
 * @param path Absolute, without a problem.
 * @returns null when it cannot be followed, such as for links in a circle or for missing permission.
 */
export async function followedPath(path: string): Promise<string | null> {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    try {
      return join(await realpath(existing), ...missing);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "ENOENT" && code !== "ENOTDIR") || existing === dirname(existing)) return null;
      missing.unshift(basename(existing));
    }
  }
}

/** Whether a path equals a folder or is below it; both absolute, links followed. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
