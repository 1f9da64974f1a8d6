import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { PACKAGE_ROOT, packageVersion } from "../package-root.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { Job, JobProgress, JobResult, ResultOf } from "./job.js";
import { WorkerProcess } from "./worker-process.js";

/** How a pool is set up. */
export interface PoolOptions {
  /** Trainers at a time; each is a process of its own, since a process holds one embedded trainer. */
  workers: number;
  /** Threads of each trainer. */
  threads: number;
  /** Folder whose files the trainers may read and write. */
  root: string;
  /** Told of everything that a job reports. */
  onProgress: (job: Job, progress: JobProgress) => void;
  signal: AbortSignal;
  /** Program of a worker. @default the study's own */
  entry?: string;
}

/** A place for one worker; it keeps its worker from job to job. */
interface Slot {
  readonly index: number;
  worker?: WorkerProcess;
}

/**
 * Does jobs in worker processes. A job whose result lies in its folder from an earlier, interrupted call, and whose
 * description and package version are unchanged, is not done again.
 */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #waiting: { take: (slot: Slot) => void; giveUp: (reason: Error) => void }[] = [];
  #stopped: Error | undefined;
  #trainerSeconds = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workers }, (_, index) => ({ index }));
    this.#free = [...this.#slots];
    options.signal.addEventListener("abort", () => void this.stop());
  }

  /**
   * Does one job when a worker is free.
   *
   * @throws UserError when the job met a user's mistake; Error when it failed otherwise; the signal's reason when aborted.
   */
  async do<Done extends Job>(job: Done): Promise<ResultOf<Done>> {
    const path = join(job.directory, "job.json");
    const description = JSON.stringify({ version: packageVersion(), job });
    const key = createHash("sha256").update(description).digest("hex");
    // Nothing is awaited before a place is asked for, so that jobs start in the order in which they were given.
    const earlier = readEarlier(path, key);
    if (earlier !== undefined) return this.#count<Done>(earlier);
    mkdirSync(job.directory, { recursive: true });
    const slot = await this.#take();
    try {
      const result = await this.#workerOf(slot).do(job, (progress) => this.#options.onProgress(job, progress));
      await writeAtomically(path, `${JSON.stringify({ key, result })}\n`);
      return this.#count<Done>(result);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (error instanceof UserError) throw new UserError(`${job.name}: ${error.message}`);
      throw new Error(`${job.name}: ${(error as Error).message}`, { cause: error });
    } finally {
      this.#release(slot);
    }
  }

  /** Seconds that the trainers worked on the jobs so far, those of earlier calls included. */
  get trainerSeconds(): number {
    return this.#trainerSeconds;
  }

  /** Ends every worker within five seconds; jobs that wait are given up. */
  async stop(): Promise<void> {
    const { signal } = this.#options;
    this.#stopped ??= signal.aborted ? (signal.reason as Error) : new Error("the pool was stopped");
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(this.#stopped);
    await Promise.all(this.#slots.map(async ({ worker }) => worker?.stop()));
  }

  async #take(): Promise<Slot> {
    if (this.#stopped !== undefined) throw this.#stopped;
    const slot = this.#free.shift();
    return slot ?? new Promise((take, giveUp) => this.#waiting.push({ take, giveUp }));
  }

  #release(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next.take(slot);
  }

  #workerOf(slot: Slot): WorkerProcess {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (slot.worker?.isAlive !== true) {
      const { root, threads, entry = join(PACKAGE_ROOT, "dist", "study", "worker.js") } = this.#options;
      const logPath = join(root, `trainer-${slot.index}.log`);
      slot.worker = new WorkerProcess({ entry, roots: [root], logPath, threads });
    }
    return slot.worker;
  }

  #count<Done extends Job>(result: JobResult): ResultOf<Done> {
    this.#trainerSeconds += result.kind === "grade" ? result.seconds : result.seconds.train + result.seconds.evaluate;
    // A worker answers a job with the result of its kind.
    return result as ResultOf<Done>;
  }
}

function readEarlier(path: string, key: string): JobResult | undefined {
  try {
    const earlier = JSON.parse(readFileSync(path, "utf8")) as { key: string; result: JobResult };
    const { result } = earlier;
    const file = result.kind === "grade" ? result.graded.path : result.result;
    return earlier.key === key && existsSync(file) ? result : undefined;
  } catch {
    // Missing, not ours or damaged: the job is done again.
    return undefined;
  }
}
