import { realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";

/** Bytes; what systems take, with room for what is written below. The trainer holds paths to the same limits. */
const longestPath = 4000;
const longestPart = 255;
const mostParts = 200;

/**
 * Why a written path cannot be one, found without asking the system; null when it can.
 *
 * @returns What was found and what was expected.
 */
export function pathProblem(path: string): string | null {
  const bytes = Buffer.byteLength(path);
  if (bytes > longestPath) return `found a path of ${bytes} bytes, expected at most ${longestPath}`;
  if (hasControlCharacters(path)) return "found a path with control characters, expected none: rename it";
  const parts = path.split(/[/\\]/);
  if (parts.length > mostParts) return `found a path of ${parts.length} parts, expected at most ${mostParts}`;
  const longest = Math.max(...parts.map((part) => Buffer.byteLength(part)));
  if (longest > longestPart) return `found a path with a name of ${longest} bytes, expected at most ${longestPart}`;
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

/** Whether a path is a folder or lies below it; both absolute, links followed. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
