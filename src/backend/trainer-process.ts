import type { ChildProcess } from "node:child_process";
import { within } from "./client-errors.js";
import type { Connection } from "./connect.js";
import { logTail } from "../files/log-tail.js";
import type { TrainerExit } from "./trainer.js";
import { TrainerExitedError } from "./trainer.js";

const shutdownMilliseconds = 2500;
/** Five seconds are promised from `stop` to the end. */
const killMilliseconds = 4000;

/** A started Python process and the ways to end it. */
export interface StartedProcess {
  readonly child: ChildProcess;
  /** Milliseconds in which it ends by itself after a Shutdown call; left out: it does not. */
  readonly leavesWithin?: number;
  /** Asks it to end; safe to call twice. */
  terminate(): void;
  /** Ends it, even if it is busy or hung. */
  kill(): void;
  /** Frees what belongs to it and its socket once it is gone, or when Node ends without `stop`. */
  clear(): void;
}

/** The Python process of a trainer, from start to end. */
export class TrainerProcess {
  /** Resolves when the process is gone and what belonged to it is cleared away. */
  readonly exited: Promise<TrainerExit>;
  /** Set when there is one: it is asked to shut down, and closed at the end. */
  connection: Connection | undefined;
  readonly #process: StartedProcess;
  readonly #logPath: string;
  #expected = false;
  #stopping: Promise<void> | undefined;

  constructor(started: StartedProcess, logPath: string) {
    this.#process = started;
    this.#logPath = logPath;
    // Node ends without `stop`. Linux would end the orphan by itself; other systems do not.
    const leave = () => {
      started.kill();
      started.clear();
    };
    process.once("exit", leave);
    this.exited = this.#ended().then((exit) => {
      process.removeListener("exit", leave);
      this.connection?.close();
      started.clear();
      return exit;
    });
  }

  /** The promise's value, or TrainerExitedError as soon as the process is gone. */
  async orExit<T>(work: Promise<T>): Promise<T> {
    // The loser of the race may still reject when nobody listens any more.
    work.catch(() => undefined);
    const exit = this.exited.then((ended): never => {
      throw new TrainerExitedError(ended, this.#logPath);
    });
    return Promise.race([work, exit]);
  }

  /** Ends the process: asks it to shut down, then SIGTERM, then SIGKILL. */
  stop(): Promise<void> {
    this.#expected = true;
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const killTimer = setTimeout(() => this.#process.kill(), killMilliseconds);
    try {
      const shutdown = this.connection?.client.shutdown({}).catch(() => undefined);
      if (shutdown !== undefined) await within(shutdown, shutdownMilliseconds);
      if (shutdown !== undefined) await within(this.exited, this.#process.leavesWithin ?? 0);
      this.#process.terminate();
      await this.exited;
    } finally {
      clearTimeout(killTimer);
    }
  }

  #ended(): Promise<TrainerExit> {
    const { child } = this.#process;
    return new Promise((resolve) => {
      const settle = (code: number | null, signal: string | null, tail: string) =>
        resolve({ code, signal, expected: this.#expected, logTail: tail });
      child.once("exit", (code, signal) => settle(code, signal, logTail(this.#logPath)));
      // Also emitted when a message cannot be sent to a process that is about to end: then "exit" follows.
      child.on("error", (error) => {
        if (child.pid === undefined) settle(null, null, error.message);
      });
    });
  }
}
