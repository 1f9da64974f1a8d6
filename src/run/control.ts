import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StopRequest } from "./stop-request.js";

/** How often a director looks for requests. */
const pollMilliseconds = 400;

const requests = ["cancel", "pause"] as const;

/** Asks the director of a run, in whatever process, to end it. */
export async function requestStop(folder: string, request: (typeof requests)[number], reason: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, request), reason);
}

/** Requests of an earlier life of the run are void. */
export async function clearRequests(folder: string): Promise<void> {
  for (const request of requests) await rm(join(folder, request), { force: true });
}

/**
 * Passes the requests that other processes leave in a run's folder on.
 *
 * @returns Ends the watch.
 */
export function watchRequests(folder: string, stop: StopRequest): () => void {
  const look = () => {
    for (const request of requests) {
      const path = join(folder, request);
      if (existsSync(path))
        void readFile(path, "utf8").then(
          (reason) => stop[request](reason),
          () => undefined,
        );
    }
  };
  const timer = setInterval(look, pollMilliseconds);
  return () => clearInterval(timer);
}
