import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { sha256File } from "../files/sha256.js";
import type { Benchmark, BenchmarkFile } from "./benchmark.js";
import { unreadable } from "../files/text-file.js";

/** How a file of a benchmark stands in a folder of annotations. */
export interface FileCheck {
  file: BenchmarkFile;
  /** Where it was found; null where it is missing. */
  found: string | null;
  /** What is wrong with it, in a few words; null where nothing is or nothing is known. */
  problem: string | null;
}

/**
 * Finds a file of a benchmark.
 *
 * @param annotations - Folder of annotations.
 * @param file - What to find.
 * @returns Its path, or null where none of its names is there.
 * @throws UserError when the folder itself is missing or may not be read.
 */
export async function findFile(annotations: string, file: BenchmarkFile): Promise<string | null> {
  if (file.path !== ".") await requireFolder(annotations);
  for (const path of [file.path, ...(file.also ?? [])]) {
    const whole = join(annotations, path);
    const found = await stat(whole).catch(() => null);
    if (found?.isFile()) return whole;
  }
  return null;
}

/**
 * Finds a file without which a benchmark cannot be scored.
 *
 * @param annotations - Folder of annotations.
 * @param file - What to find.
 * @param repository - Where its user gets it.
 * @returns Its path.
 * @throws UserError naming the missing file and where to get it.
 */
export async function requireFile(annotations: string, file: BenchmarkFile, repository: string): Promise<string> {
  const found = await findFile(annotations, file);
  if (found !== null) return found;
  throw new UserError(
    `${join(annotations, file.path)}: no such file; expected ${file.holds}, get it from ${repository}`,
  );
}

/**
 * Requires a folder.
 *
 * @param path - Of the folder.
 * @throws UserError when there is none.
 */
export async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
      throw new UserError(`${path}: no such folder; expected the folder of annotations`);
    }
    throw unreadable(path, cause);
  });
  if (!found.isDirectory()) throw new UserError(`${path}: is a file, expected the folder of annotations`);
}

/**
 * Compares the files of a benchmark with those of the revision that its figures belong to.
 *
 * @param benchmark - Names the files, their sizes and hashes.
 * @param annotations - Folder of annotations.
 * @returns One check per file, in the benchmark's order.
 * @throws UserError when the folder is missing.
 */
export async function checkFiles(benchmark: Benchmark, annotations: string): Promise<FileCheck[]> {
  const checks: FileCheck[] = [];
  for (const file of benchmark.files) {
    const found = await findFile(annotations, file);
    checks.push({ file, found, problem: found === null ? missing(file) : await difference(found, file) });
  }
  return checks;
}

function missing(file: BenchmarkFile): string | null {
  return file.optional === true ? null : "missing";
}

async function difference(path: string, file: BenchmarkFile): Promise<string | null> {
  const { size } = await stat(path);
  if (file.bytes !== undefined && size !== file.bytes) return `has ${size} bytes, expected ${file.bytes}`;
  if (file.sha256 === undefined) return null;
  const hash = await sha256File(path);
  return hash === file.sha256 ? null : `has SHA-256 ${hash.slice(0, 12)}..., expected ${file.sha256.slice(0, 12)}...`;
}
