import { readdir } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../process-identity.js";
import { ownerOfSocketDirectory, removeSocketDirectory, socketDirectoryPrefix, socketsIn } from "./socket-directory.js";

const connectMilliseconds = 200;

/** What connecting to a socket gives when nobody listens on it any more. */
const nobodyListens = new Set(["ECONNREFUSED", "ENOENT"]);

/**
 * Removes the socket directories that killed processes left behind: those alone that carry the mark of this program,
 * whose owner is dead and on whose sockets nobody answers. Only sockets and the mark are removed; a directory with
 * anything else in it stays.
 *
 * @returns The directories that were removed.
 */
export async function sweepStaleSockets(parent: string = tmpdir()): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(socketDirectoryPrefix)) continue;
    const directory = join(parent, entry);
    const owner = ownerOfSocketDirectory(directory);
    if (owner === null || isAlive(owner)) continue;
    // Another process may sweep at the same time: a missing file is fine.
    if (!(await isQuiet(directory).catch(() => false))) continue;
    if (removeSocketDirectory(directory)) removed.push(directory);
  }
  return removed;
}

/** Process ids are not shared between containers that share /tmp, sockets are. */
async function isQuiet(directory: string): Promise<boolean> {
  for (const socket of socketsIn(directory)) {
    if (await answers(socket)) return false;
  }
  return true;
}

/** Whether somebody may listen on a Unix socket; one that accepts and says nothing, or cannot be asked, counts. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(connectMilliseconds, () => settle(true));
    socket.once("connect", () => settle(true));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(!nobodyListens.has(error.code ?? "")));
  });
}
