import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { writeAtomically } from "../files/write-atomically.js";
import { PACKAGE_ROOT, packageVersion } from "../package-root.js";
import type { Progress } from "../progress/progress.js";
import type { FromWorker, ResultOf, Task, ToWorker } from "./task.js";

/** A worker must be gone this many milliseconds after it was told to stop; then it is killed. */
const STOP_MILLISECONDS = 4500;

/** In a task's folder: what it is, and, once it is done, what it came to. */
export const TASK_FILE = "task.json";

/** How a pool is set up. */
export interface PoolOptions {
  /** Tasks at a time. */
  workers: number;
  /** Folder for what workers print. */
  root: string;
  progress: Progress;
  signal: AbortSignal;
  /** Program of a worker. @default the study's own */
  entry?: string;
}

interface TaskFile {
  /** Hash of the task and of the version that did it. */
  key: string;
  result?: ResultOf<Task>;
  seconds?: number;
}

/**
 * Does tasks, each in a process of its own, since a process holds one embedded trainer. A task that an earlier call
 * finished is not done again; one that it left is resumed. Whatever another task left in a task's folder is removed.
 */
export class TaskPool {
  readonly #options: PoolOptions;
  readonly #workers = new Set<ChildProcess>();
  readonly #waiting: { start: () => void; giveUp: (reason: Error) => void }[] = [];
  #free: number;
  #stopped: Error | undefined;
  #trainerSeconds = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#free = options.workers;
    options.signal.addEventListener("abort", () => void this.stop());
  }

  /** Seconds that the tasks so far took, those of earlier calls included. */
  get trainerSeconds(): number {
    return this.#trainerSeconds;
  }

  /**
   * Does one task when it is its turn; turns are in the order of the calls.
   *
   * @throws UserError when the task met a user's mistake; Error when it failed otherwise; the signal's reason when aborted.
   */
  async do<Done extends Task>(task: Done): Promise<ResultOf<Done> & { seconds: number }> {
    const path = join(task.directory, TASK_FILE);
    const description = JSON.stringify({ version: packageVersion(), task });
    const key = createHash("sha256").update(description).digest("hex");
    const earlier = readTaskFile(path);
    if (earlier?.key !== key) {
      rmSync(task.directory, { recursive: true, force: true });
      mkdirSync(task.directory, { recursive: true });
      writeFileSync(path, JSON.stringify({ key } satisfies TaskFile));
    } else if (earlier.result !== undefined && existsSync(task.makes)) return this.#count<Done>(earlier);
    await this.#turn();
    const started = performance.now();
    try {
      const result = await this.#perform(task);
      const done = { key, result, seconds: (performance.now() - started) / 1000 };
      await writeAtomically(path, JSON.stringify(done satisfies TaskFile));
      return this.#count<Done>(done);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (error instanceof UserError) throw new UserError(`${task.name}: ${error.message}`);
      throw new Error(`${task.name}: ${(error as Error).message}`, { cause: error });
    } finally {
      this.#free += 1;
      this.#next();
    }
  }

  /** Ends every worker within five seconds; tasks that wait are given up. */
  async stop(): Promise<void> {
    const { signal } = this.#options;
    this.#stopped ??= signal.aborted ? (signal.reason as Error) : new Error("the pool was stopped");
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(this.#stopped);
    await Promise.all([...this.#workers].map(end));
  }

  #turn(): Promise<void> {
    return new Promise((start, giveUp) => {
      if (this.#stopped !== undefined) return giveUp(this.#stopped);
      this.#waiting.push({ start, giveUp });
      this.#next();
    });
  }

  #next(): void {
    if (this.#free === 0) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#free -= 1;
    next.start();
  }

  /** Does a task in a new process. */
  #perform(task: Task): Promise<ResultOf<Task>> {
    const { root, progress, entry = join(PACKAGE_ROOT, "dist", "study", "worker.js") } = this.#options;
    if (this.#stopped !== undefined) throw this.#stopped;
    const log = openSync(join(root, "workers.log"), "a");
    const worker = fork(entry, [], { stdio: ["ignore", log, log, "ipc"] });
    closeSync(log);
    this.#workers.add(worker);
    const answer = new Promise<ResultOf<Task>>((resolve, reject) => {
      worker.on("message", (message: FromWorker) => {
        if (message.type === "progress") progress.update(task.name, message.phase, message.done, message.total);
        if (message.type === "result") resolve(message.result);
        if (message.type === "failed") reject(new (message.isUserError ? UserError : Error)(message.message));
      });
      worker.on("error", (error) => reject(new Error(`its process failed: ${error.message}`)));
      worker.on("exit", (code, killedBy) => {
        const how = killedBy === null ? `with code ${code}` : `by ${killedBy}`;
        reject(new Error(`its process ended ${how} while it was at work`));
      });
      worker.send({ type: "task", task } satisfies ToWorker, () => undefined);
    });
    return answer.finally(async () => {
      await end(worker);
      this.#workers.delete(worker);
    });
  }

  #count<Done extends Task>({ result, seconds = 0 }: TaskFile): ResultOf<Done> & { seconds: number } {
    this.#trainerSeconds += seconds;
    // A worker answers a task with the result of its kind.
    return { ...(result as ResultOf<Done>), seconds };
  }
}

async function end(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null || worker.pid === undefined) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => worker.kill("SIGKILL"), STOP_MILLISECONDS);
    worker.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    if (worker.connected) worker.send({ type: "stop" } satisfies ToWorker, () => undefined);
    else worker.kill("SIGTERM");
  });
}

function readTaskFile(path: string): TaskFile | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as TaskFile;
  } catch {
    // Missing, not ours or damaged: the task is done anew.
    return undefined;
  }
}
