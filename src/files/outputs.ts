import type { Stats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { UserError } from "../errors.js";

/** A file or folder that the user names, and how: a flag, or the name of an argument. */
export interface NamedPath {
  readonly flag: string;
  readonly path: string;
}

/**
 * Refuses to write over an input: the same file under any name, links included.
 *
 * @param outputs - What is to be written.
 * @param inputs - The inputs; missing ones are ignored. A folder means the files in it.
 * @throws UserError when an output is an input, or a file that is there in an input folder.
 */
export async function refuseOverInputs(outputs: readonly NamedPath[], inputs: readonly NamedPath[]): Promise<void> {
  const read = await Promise.all(inputs.map(async (input) => ({ ...input, ...(await placeOf(input.path)) })));
  for (const { flag, path } of outputs) {
    const place = await placeOf(path);
    const same = read.find((input) => isSame(place, input));
    if (same !== undefined) {
      throw new UserError(`${flag}: ${path} is what ${same.flag} names, which is the file that is read; name another`);
    }
  }
}

/** Files of an input folder that an output would write over. */
export async function inputFolderOf(output: string, inputs: readonly NamedPath[]): Promise<NamedPath | undefined> {
  const { real, status } = await placeOf(output);
  if (status?.isFile() !== true) return undefined;
  for (const input of inputs) {
    const place = await placeOf(input.path);
    if (place.status?.isDirectory() === true && real.startsWith(place.real + sep)) return input;
  }
  return undefined;
}

interface Place {
  readonly real: string;
  readonly status: Stats | null;
}

async function placeOf(path: string): Promise<Place> {
  const status = await stat(path).catch(() => null);
  if (status !== null) return { real: await realpath(path), status };
  // A file that is still to be made has the real path of its folder.
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  return { real: join(folder, basename(path)), status };
}

function isSame(one: Place, other: Place): boolean {
  if (one.status === null || other.status === null) return false;
  return one.real === other.real || (one.status.dev === other.status.dev && one.status.ino === other.status.ino);
}
