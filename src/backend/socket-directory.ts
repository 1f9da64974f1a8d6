import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { UserError } from "../errors.js";
import { LONGEST_SOCKET_PATH } from "../generated/rules.js";
import { type ProcessIdentity, thisProcess } from "../process-identity.js";

/** Start of every socket directory's name; the owner's process id and a random part follow. */
export const socketDirectoryPrefix = "scpo-";

/** The file that marks a socket directory of this program. */
const markName = "scpo-sockets.json";

/** A private directory for the Unix sockets of this process. */
export interface SocketDirectory {
  readonly path: string;
  /** Path of a socket in the directory. */
  socket(name: string): string;
  /** Removes the sockets and the directory; safe to call twice. */
  remove(): void;
}

/** What the mark in a socket directory says. */
interface Mark {
  /** The directory's own name: a copy of it under another is no socket directory. */
  readonly directory: string;
  readonly owner: ProcessIdentity;
}

/**
 * Creates a directory that only this user may enter, with a mark that names this process, so that a later start can
 * tell that it is a socket directory and whether its owner still lives.
 *
 * @throws UserError when the system's temporary directory has too long a name for sockets.
 */
export function openSocketDirectory(parent: string = tmpdir()): SocketDirectory {
  const path = mkdtempSync(join(parent, `${socketDirectoryPrefix}${process.pid}-`));
  const mark: Mark = { directory: basename(path), owner: thisProcess() };
  writeFileSync(join(path, markName), `${JSON.stringify(mark)}\n`);
  const remove = () => removeSocketDirectory(path);
  const socket = (name: string) => join(path, name);
  if (Buffer.byteLength(socket("telemetry.sock")) > LONGEST_SOCKET_PATH) {
    remove();
    throw new UserError(
      `TMPDIR: found ${parent}, expected a path short enough for Unix sockets (${LONGEST_SOCKET_PATH} bytes with their ` +
        "names): set TMPDIR=/tmp",
    );
  }
  return { path, socket, remove };
}

/** The process that made a socket directory; null for every folder that this program did not mark. */
export function ownerOfSocketDirectory(path: string): ProcessIdentity | null {
  try {
    const status = lstatSync(path);
    if (!status.isDirectory() || (process.getuid !== undefined && status.uid !== process.getuid())) return null;
    if (!lstatSync(join(path, markName)).isFile()) return null;
    const { directory, owner } = JSON.parse(readFileSync(join(path, markName), "utf8")) as Mark;
    return directory === basename(path) && typeof owner.started === "string" ? owner : null;
  } catch {
    return null;
  }
}

/** Paths of the sockets in a folder. */
export function socketsIn(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isSocket())
    .map((entry) => join(path, entry.name));
}

/**
 * Removes the sockets, the mark and, when nothing else is in it, the directory.
 *
 * @returns Whether the directory is gone; what somebody else put into it stays, with the directory.
 */
export function removeSocketDirectory(path: string): boolean {
  try {
    for (const file of [...socketsIn(path), join(path, markName)]) rmSync(file, { force: true });
    rmdirSync(path);
  } catch {
    // A leftover directory only costs disk space.
  }
  return !existsSync(path);
}
