import { lstat, readdir, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { socketDirectoryPrefix } from "./socket-directory.js";

const name = new RegExp(`^${socketDirectoryPrefix}(\\d+)-`);
const connectMilliseconds = 200;

/**
 * Removes the socket directories that killed processes left behind. No process is touched: a directory stays when its
 * owner's process id lives, when somebody still answers on one of its sockets, or when it belongs to another user.
 *
 * @returns The directories that were removed.
 */
export async function sweepStaleSockets(parent: string = tmpdir()): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of await readdir(parent)) {
    const owner = name.exec(entry)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const directory = join(parent, entry);
    // Somebody else may sweep at the same time: what is gone is gone.
    const stale = await isStale(directory).catch(() => false);
    if (!stale) continue;
    await rm(directory, { recursive: true, force: true });
    removed.push(directory);
  }
  return removed;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

async function isStale(directory: string): Promise<boolean> {
  const status = await lstat(directory);
  if (!status.isDirectory() || (process.getuid !== undefined && status.uid !== process.getuid())) return false;
  // Process ids are not shared between containers that share /tmp, sockets are.
  for (const file of await readdir(directory)) {
    if (await answers(join(directory, file))) return false;
  }
  return true;
}

/** Whether somebody listens on a Unix socket; one that accepts and says nothing counts. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(connectMilliseconds, () => settle(true));
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
