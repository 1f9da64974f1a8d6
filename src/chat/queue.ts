/** Runs tasks that ask a model side by side, so many at a time that memory and the endpoint stay at ease. */
export class ChatQueue {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  /** @param limit - Most tasks at a time, at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Starts a task as soon as there is a place.
   *
   * @param task - Asks the model and notes the answer.
   * @throws The first failure of an earlier task; those under way end first, so that their answers are kept.
   */
  async add(task: () => Promise<void>): Promise<void> {
    while (this.#failure === undefined && this.#running.size >= this.#limit) await Promise.race(this.#running);
    if (this.#failure !== undefined) await this.drained();
    const running: Promise<void> = task()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /**
   * Waits for all tasks.
   *
   * @throws The first failure.
   */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
