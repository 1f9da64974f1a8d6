import { fork, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createHash } from "node:crypto";
import { UserError } from "../errors.js";
import { PACKAGE_ROOT } from "../package-root.js";
import { writeAtomically } from "../write-atomically.js";
import type { FromWorker, Job, JobProgress, JobResult, ToWorker } from "./job.js";

/** A worker must be gone this many milliseconds after it was told to stop; then it is killed. */
const STOP_MILLISECONDS = 4500;

interface Worker {
  /** Undefined until its process has been started. */
  process?: ChildProcess;
  busy: boolean;
}

const isAlive = ({ process: child }: Worker) => child === undefined || (child.exitCode === null && child.connected);

/** How a pool is set up. */
export interface PoolOptions {
  /** Trainers at a time; each is a process of its own with one embedded trainer. */
  workers: number;
  /** Threads of each trainer. */
  threads: number;
  /** Folder whose files the trainers may read and write. */
  root: string;
  /** Told of everything that a job reports. */
  onProgress: (job: Job, progress: JobProgress) => void;
  signal: AbortSignal;
}

/**
 * Does jobs in worker processes. A job whose result lies in its folder from an earlier, interrupted call and whose
 * description is unchanged is not done again.
 */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #workers: Worker[] = [];
  readonly #waiting: (() => void)[] = [];
  #trainerSeconds = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => void this.stop());
  }

  /**
   * Does one job when a worker is free.
   *
   * @throws UserError when the job met a user's mistake; Error when its trainer died.
   */
  async do(job: Job): Promise<JobResult> {
    const path = join(job.directory, "job.json");
    const key = createHash("sha256").update(JSON.stringify(job)).digest("hex");
    const earlier = await readEarlier(path, key);
    if (earlier !== undefined) {
      this.#trainerSeconds += secondsOf(earlier);
      return earlier;
    }
    await mkdir(job.directory, { recursive: true });
    const worker = await this.#take();
    try {
      const result = await this.#exchange(worker, { type: "job", job }, job);
      await writeAtomically(path, `${JSON.stringify({ key, result })}\n`);
      this.#trainerSeconds += secondsOf(result);
      return result;
    } finally {
      worker.busy = false;
      this.#waiting.shift()?.();
    }
  }

  /** Seconds that the trainers worked on the jobs so far, those of earlier calls included. */
  get trainerSeconds(): number {
    return this.#trainerSeconds;
  }

  /** Ends every worker within five seconds. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map(endWorker));
  }

  async #take(): Promise<Worker> {
    for (;;) {
      this.#options.signal.throwIfAborted();
      this.#workers.splice(0, Infinity, ...this.#workers.filter(isAlive));
      const idle = this.#workers.find(({ busy }) => !busy);
      if (idle !== undefined) {
        idle.busy = true;
        return idle;
      }
      if (this.#workers.length < this.#options.workers) {
        // Its place is taken before anything is awaited.
        const worker: Worker = { busy: true };
        this.#workers.push(worker);
        return this.#start(worker);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #start(worker: Worker): Promise<Worker> {
    const { root, threads } = this.#options;
    const logPath = join(root, `trainer-${this.#workers.indexOf(worker)}.log`);
    await mkdir(dirname(logPath), { recursive: true });
    const log = await open(`${logPath}.worker`, "a");
    const entry = join(PACKAGE_ROOT, "dist", "study", "worker.js");
    worker.process = fork(entry, [], { stdio: ["ignore", log.fd, log.fd, "ipc"] });
    await log.close();
    await this.#exchange(worker, { type: "boot", roots: [root], logPath, threads });
    return worker;
  }

  #exchange(worker: Worker, message: { type: "boot" } & ToWorker): Promise<void>;
  #exchange(worker: Worker, message: ToWorker, job: Job): Promise<JobResult>;
  #exchange(worker: Worker, message: ToWorker, job?: Job): Promise<JobResult | void> {
    const child = worker.process as ChildProcess;
    const { signal, onProgress } = this.#options;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        child.off("message", receive);
        child.off("exit", exited);
        act();
      };
      const exited = (code: number | null, killedBy: string | null) => {
        const how = killedBy === null ? `with code ${code}` : `by ${killedBy}`;
        const aborted = signal.aborted ? (signal.reason as Error) : undefined;
        settle(() => reject(aborted ?? new Error(`a worker process ended ${how} while it was at work`)));
      };
      const receive = (answer: FromWorker) => {
        switch (answer.type) {
          case "progress":
            if (job !== undefined) onProgress(job, answer.progress);
            return;
          case "ready":
            settle(() => resolve());
            return;
          case "result":
            settle(() => resolve(answer.result));
            return;
          case "failed": {
            const Kind = answer.isUserError ? UserError : Error;
            settle(() => reject(new Kind(job === undefined ? answer.message : `${job.name}: ${answer.message}`)));
          }
        }
      };
      child.on("message", receive);
      child.on("exit", exited);
      child.send(message);
    });
  }
}

function secondsOf(result: JobResult): number {
  return result.kind === "grade" ? result.seconds : result.seconds.train + result.seconds.evaluate;
}

async function readEarlier(path: string, key: string): Promise<JobResult | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const earlier = JSON.parse(await readFile(path, "utf8")) as { key: string; result: JobResult };
    return earlier.key === key ? earlier.result : undefined;
  } catch {
    // Not ours or damaged: the job is done again.
    return undefined;
  }
}

async function endWorker({ process: child }: Worker): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    if (child.connected) child.send({ type: "stop" } satisfies ToWorker);
    else child.kill("SIGTERM");
  });
}
