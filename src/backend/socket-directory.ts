import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.js";

/** Start of every socket directory's name; the owner's process id and a random part follow. */
export const socketDirectoryPrefix = "scpo-";

/** Systems allow 104 or 108 bytes for the path of a Unix socket, its final zero byte included. */
const longestSocketPath = 100;

/** A private directory for the Unix sockets of this process. */
export interface SocketDirectory {
  readonly path: string;
  /** Path of a socket in the directory. */
  socket(name: string): string;
  /** Removes the directory and what is in it; safe to call twice. */
  remove(): void;
}

/**
 * Creates a directory that only this user may enter; its name carries the process id, so that a later start can tell
 * whether its owner still lives.
 *
 * @throws UserError when the system's temporary directory has too long a name for sockets.
 */
export function openSocketDirectory(parent: string = tmpdir()): SocketDirectory {
  const path = mkdtempSync(join(parent, `${socketDirectoryPrefix}${process.pid}-`));
  const remove = () => rmSync(path, { recursive: true, force: true });
  const socket = (name: string) => join(path, name);
  if (Buffer.byteLength(socket("telemetry.sock")) > longestSocketPath) {
    remove();
    throw new UserError(
      `TMPDIR: found ${parent}, expected a path short enough for Unix sockets (${longestSocketPath} bytes with their ` +
        "names): set TMPDIR=/tmp",
    );
  }
  return { path, socket, remove };
}
