import { ServerError, Status } from "nice-grpc";
import type { DirectRequest, DirectResponse, TrainingOffer } from "../../generated/scpo/v1/director.js";
import type { TrainResponse } from "../../generated/scpo/v1/trainer.js";

/** A training that has dialled and waits, or is directed: its offer, and the stream in both directions. */
export class Caller {
  readonly offer: TrainingOffer;
  /** Resolves when the stream is over, however it ended; never rejects. */
  readonly gone: Promise<void>;
  readonly #incoming: AsyncIterator<DirectRequest>;
  readonly #waiting: DirectResponse[] = [];
  #wake: () => void = () => undefined;
  #giveUp: () => void = () => undefined;
  #isGone = false;
  #settle: () => void = () => undefined;
  #end: { readonly error?: ServerError } | undefined;

  /**
   * @param incoming What the training sends after its offer.
   * @param signal Aborted when the training is gone.
   */
  constructor(offer: TrainingOffer, incoming: AsyncIterator<DirectRequest>, signal: AbortSignal) {
    this.offer = offer;
    this.#incoming = incoming;
    this.gone = new Promise((resolve) => (this.#settle = resolve));
    const leave = () => this.#leave();
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
  }

  /** For people: the training's name and machine. */
  get title(): string {
    return `${JSON.stringify(this.offer.name)} on ${JSON.stringify(this.offer.host)}`;
  }

  send(response: DirectResponse): void {
    this.#waiting.push(response);
    this.#wake();
  }

  /**
   * The next response of the training.
   *
   * @param milliseconds How long to wait for it.
   * @returns "over" when the stream is, "silent" when nothing came in time.
   */
  async next(milliseconds: number): Promise<TrainResponse | "over" | "silent"> {
    let timer: NodeJS.Timeout | undefined;
    const next = new Promise<TrainResponse | "over" | "silent">((resolve) => {
      timer = setTimeout(resolve, milliseconds, "silent");
      this.#giveUp = () => resolve("over");
      this.#incoming.next().then(
        ({ value, done }) =>
          resolve(done !== true && value.request?.$case === "response" ? value.request.value : "over"),
        // However it breaks, nothing more comes.
        () => resolve("over"),
      );
    });
    if (this.#isGone) this.#giveUp();
    try {
      return await next;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the stream; safe to call twice. */
  end(): void {
    this.#end ??= {};
    this.#wake();
  }

  /** Ends the stream with one line for whoever started the training. */
  refuse(line: string): void {
    this.#end ??= { error: new ServerError(Status.FAILED_PRECONDITION, line.replaceAll(/\s+/g, " ").slice(0, 1000)) };
    this.#wake();
  }

  /** What the training is sent, until the stream ends. */
  async *answers(signal: AbortSignal): AsyncGenerator<DirectResponse, void, undefined> {
    try {
      while (!signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) yield next;
        else if (this.#end?.error !== undefined) throw this.#end.error;
        else if (this.#end !== undefined) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#isGone = true;
    this.#settle();
    this.#giveUp();
    this.#wake();
  }
}
