import type { RunHandle } from "../run/handle.js";

/** What the queue needs of the service. */
export interface QueueParts {
  /** Runs at a time. */
  readonly parallel: number;
  /** Starts or resumes a run. */
  readonly begin: (id: string) => Promise<RunHandle>;
  /** Told that a run came to an end by itself or by a client; `failure` when it could not begin. */
  readonly ended: (id: string, failure?: unknown) => Promise<void>;
}

/** Runs waiting for a trainer, and those that have one, first come, first served. */
export class RunQueue {
  readonly #parts: QueueParts;
  readonly #waiting: string[] = [];
  readonly #running = new Map<string, Promise<void>>();
  readonly #handles = new Map<string, RunHandle>();
  readonly #begun = new Map<string, (() => void)[]>();
  #draining = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Number of runs that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Number of runs that have a trainer, or are about to get it. */
  get running(): number {
    return this.#running.size;
  }

  /** Puts a run at the end of the queue, unless it waits already or has a trainer. */
  add(id: string): void {
    if (this.#running.has(id) || this.#waiting.includes(id)) return;
    this.#waiting.push(id);
    this.#fill();
  }

  /** Takes a waiting run out; false when it does not wait. */
  remove(id: string): boolean {
    const at = this.#waiting.indexOf(id);
    if (at === -1) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  /** Runs that wait before this one; undefined when it does not wait. */
  waitingBefore(id: string): number | undefined {
    const at = this.#waiting.indexOf(id);
    return at === -1 ? undefined : at;
  }

  /** The handle of a run that has a trainer. */
  handle(id: string): RunHandle | undefined {
    return this.#handles.get(id);
  }

  /** Whether the run has a trainer or is about to get one. */
  holds(id: string): boolean {
    return this.#running.has(id);
  }

  /** Resolves when the run that is about to get a trainer has got it, or has ended. */
  async begun(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running === undefined || this.#handles.has(id)) return;
    await new Promise<void>((resolve) => {
      this.#begun.set(id, [...(this.#begun.get(id) ?? []), resolve]);
      void running.then(resolve);
    });
  }

  /** Resolves when the run no longer has a trainer. */
  async released(id: string): Promise<void> {
    await this.#running.get(id);
  }

  /** Starts no more runs, pauses those that run, and resolves when none does. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#waiting.length = 0;
    await Promise.all([...this.#handles.values()].map((handle) => handle.pause().catch(() => undefined)));
    await Promise.all(this.#running.values());
  }

  #fill(): void {
    while (!this.#draining && this.#running.size < this.#parts.parallel) {
      const id = this.#waiting.shift();
      if (id === undefined) return;
      this.#running.set(id, this.#run(id));
    }
  }

  async #run(id: string): Promise<void> {
    // What begins below must find itself among the running.
    await Promise.resolve();
    let failure: unknown;
    try {
      const handle = await this.#parts.begin(id);
      this.#handles.set(id, handle);
      for (const resolve of this.#begun.get(id) ?? []) resolve();
      this.#begun.delete(id);
      if (this.#draining) await handle.pause().catch(() => undefined);
      // The run's own folder says how it ended.
      await handle.result().catch(() => undefined);
    } catch (error) {
      failure = error;
    }
    this.#handles.delete(id);
    this.#begun.delete(id);
    if (!this.#draining) await this.#parts.ended(id, failure);
    this.#running.delete(id);
    this.#fill();
  }
}
