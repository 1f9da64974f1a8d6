import { fork, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../errors.js";
import type { FromWorker, Job, JobProgress, JobResult, ToWorker } from "./job.js";

/** A worker must be gone this many milliseconds after it was told to stop; then it is killed. */
const STOP_MILLISECONDS = 4500;

/** How a worker is started. */
export interface WorkerOptions {
  /** File of the worker's program. */
  entry: string;
  /** Folders whose files its trainer may read and write. */
  roots: string[];
  logPath: string;
  threads: number;
}

/** A child process with one embedded trainer that does one job after another. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;

  constructor({ entry, roots, logPath, threads }: WorkerOptions) {
    mkdirSync(dirname(logPath), { recursive: true });
    const log = openSync(`${logPath}.worker`, "a");
    try {
      this.#child = fork(entry, [], { stdio: ["ignore", log, log, "ipc"] });
    } finally {
      closeSync(log);
    }
    this.#ready = this.#exchange({ type: "boot", roots, logPath, threads }, (answer) => answer.type === "ready").then();
    // Whoever does a job hears of a failed start; without a job nobody needs to.
    this.#ready.catch(() => undefined);
  }

  /** Whether the process can still do a job. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected;
  }

  /**
   * Does one job; one at a time.
   *
   * @throws UserError when the job met a user's mistake; Error when it failed otherwise or the process ended.
   */
  async do(job: Job, onProgress: (progress: JobProgress) => void): Promise<JobResult> {
    await this.#ready;
    const answer = await this.#exchange({ type: "job", job }, (received) => {
      if (received.type === "progress") onProgress(received.progress);
      return received.type === "result";
    });
    if (answer.type !== "result") throw new Error(`a worker answered ${answer.type} to a job`);
    return answer.result;
  }

  /** Ends the process within five seconds. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
      child.once("exit", () => {
        clearTimeout(timer);
        resolve();
      });
      if (child.connected) child.send({ type: "stop" } satisfies ToWorker, () => undefined);
      else child.kill("SIGTERM");
    });
  }

  /** Sends a message and waits for the answer that `isLast` recognises; a failure or the process's end rejects. */
  #exchange(message: ToWorker, isLast: (answer: FromWorker) => boolean): Promise<FromWorker> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        child.off("message", receive).off("exit", exited).off("error", failed);
        act();
      };
      const failed = (error: Error) => settle(() => reject(new Error(`a worker process failed: ${error.message}`)));
      const exited = (code: number | null, killedBy: string | null) => {
        const how = killedBy === null ? `with code ${code}` : `by ${killedBy}`;
        settle(() => reject(new Error(`a worker process ended ${how} while it was at work`)));
      };
      const receive = (answer: FromWorker) => {
        if (answer.type === "failed") {
          const Kind = answer.isUserError ? UserError : Error;
          settle(() => reject(new Kind(answer.message)));
        } else if (isLast(answer)) settle(() => resolve(answer));
      };
      child.on("message", receive).on("exit", exited).on("error", failed);
      if (!this.isAlive) exited(child.exitCode, child.signalCode);
      else child.send(message, (error) => error !== null && failed(error));
    });
  }
}
