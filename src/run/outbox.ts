import type { TrainRequest } from "../generated/scpo/v1/trainer.js";

type Request = NonNullable<TrainRequest["request"]>;

/** The requests of a Train stream, in the order in which they are sent; the stream stays open until `end`. */
export class Outbox implements AsyncIterable<TrainRequest> {
  readonly #waiting: TrainRequest[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  send(request: Request): void {
    this.#waiting.push({ request });
    this.#wake?.();
  }

  /** No more requests follow. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainRequest, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
