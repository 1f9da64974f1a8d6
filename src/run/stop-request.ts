import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A training that has not ended by itself this long after it was cancelled is cut off; five seconds are promised. */
const graceMilliseconds = 600;

/** Why a run ends before its plan does. */
export interface Stop {
  readonly kind: "cancel" | "pause";
  readonly reason: string;
}

/** The caller's wish to end a run early, which may come at any moment of its life. */
export class StopRequest {
  readonly #requested = new AbortController();
  readonly #cutOff = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #stop: Stop | null = null;
  #resolveCancelled: () => void = () => undefined;

  /** Set once there is one; a cancellation takes the place of a pause. */
  get stop(): Stop | null {
    return this.#stop;
  }

  /** Aborted by the first request of either kind: whatever has nothing to save ends. */
  get requested(): AbortSignal {
    return this.#requested.signal;
  }

  /** Resolves when the run is cancelled. */
  readonly cancelled = new Promise<undefined>((resolve) => {
    this.#resolveCancelled = () => resolve(undefined);
  });

  /** Aborted when a cancelled run had its time to end by itself. */
  get cutOff(): AbortSignal {
    return this.#cutOff.signal;
  }

  cancel(reason: string): void {
    if (this.#stop?.kind === "cancel") return;
    this.#stop = { kind: "cancel", reason };
    this.#timer = setTimeout(() => this.#cutOff.abort(), graceMilliseconds);
    this.#requested.abort();
    this.#resolveCancelled();
  }

  pause(reason: string): void {
    if (this.#stop !== null) return;
    this.#stop = { kind: "pause", reason };
    this.#requested.abort();
  }

  /** The run has ended. */
  dispose(): void {
    clearTimeout(this.#timer);
  }
}

/** How often a director looks for requests. */
const pollMilliseconds = 400;

const requests = ["cancel", "pause"] as const;

/** Asks the director of a run, in whatever process, to end it. */
export async function requestStop(folder: string, request: (typeof requests)[number], reason: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, request), reason);
}

/** Requests of an earlier life of the run are void. */
export async function clearStopRequests(folder: string): Promise<void> {
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
