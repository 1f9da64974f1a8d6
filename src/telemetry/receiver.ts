import { Pull } from "zeromq";
import { TelemetryBatch } from "../generated/scpo/v1/telemetry.js";
import { JsonlWriter } from "../files/jsonl.js";

/** What a receiver got, and what it missed. */
export interface TelemetryTotals {
  readonly batches: number;
  readonly records: number;
  /** Places where sequence numbers jumped. */
  readonly gaps: number;
  /** Messages that the jumps passed over, as far as a later message tells. */
  readonly lost: number;
  /** True when the final message came. */
  readonly complete: boolean;
}

/** Receives the per-pair records of one training and writes them to a file. */
export interface TelemetryReceiver {
  /** Where the trainer sends to. */
  readonly endpoint: string;
  totals(): TelemetryTotals;
  /**
   * Waits for the final message, at most this long, and closes socket and file.
   *
   * @throws Error when a record could not be written.
   */
  close(milliseconds?: number): Promise<TelemetryTotals>;
}

/** Messages that ZeroMQ holds while the disk is slow; beyond them the sender waits, then drops and leaves a gap. */
const highWaterMark = 1000;

const drainMilliseconds = 3000;

/**
 * Binds a ZeroMQ PULL socket and appends each record that arrives to a JSONL file. The next message is taken when the
 * last one is written, so that a slow disk slows the sender instead of filling memory.
 *
 * @param options.endpoint `ipc://` and a short path, or `tcp://127.0.0.1:*` for a free port.
 * @param options.path The JSONL file.
 */
export async function openTelemetryReceiver(options: { endpoint: string; path: string }): Promise<TelemetryReceiver> {
  const socket = new Pull({ receiveHighWaterMark: highWaterMark, linger: 0 });
  try {
    await socket.bind(options.endpoint);
    return new Receiver(socket, await JsonlWriter.open(options.path));
  } catch (error) {
    socket.close();
    throw error;
  }
}

class Receiver implements TelemetryReceiver {
  readonly endpoint: string;
  readonly #socket: Pull;
  readonly #file: JsonlWriter;
  readonly #received: Promise<void>;
  #closing: Promise<TelemetryTotals> | undefined;
  #expected = 0;
  #batches = 0;
  #records = 0;
  #gaps = 0;
  #lost = 0;
  #complete = false;

  constructor(socket: Pull, file: JsonlWriter) {
    // A port chosen by the system shows here only.
    this.endpoint = socket.lastEndpoint ?? "";
    this.#socket = socket;
    this.#file = file;
    this.#received = this.#receive();
    // Told by close(), which awaits it.
    this.#received.catch(() => undefined);
  }

  totals(): TelemetryTotals {
    return {
      batches: this.#batches,
      records: this.#records,
      gaps: this.#gaps,
      lost: this.#lost,
      complete: this.#complete,
    };
  }

  close(milliseconds = drainMilliseconds): Promise<TelemetryTotals> {
    this.#closing ??= this.#close(milliseconds);
    return this.#closing;
  }

  async #close(milliseconds: number): Promise<TelemetryTotals> {
    const timer = setTimeout(() => this.#socket.close(), milliseconds);
    try {
      await this.#received;
    } finally {
      clearTimeout(timer);
      this.#socket.close();
      await this.#file.close();
    }
    return this.totals();
  }

  async #receive(): Promise<void> {
    for await (const [message] of this.#socket) {
      if (message === undefined) continue;
      const batch = TelemetryBatch.decode(message);
      this.#count(batch);
      if (batch.records.length > 0) await this.#file.append(...batch.records);
      if (batch.last) return;
    }
  }

  #count(batch: TelemetryBatch): void {
    if (batch.sequence > this.#expected) {
      this.#gaps += 1;
      this.#lost += batch.sequence - this.#expected;
    }
    this.#expected = Math.max(this.#expected, batch.sequence + 1);
    this.#batches += 1;
    this.#records += batch.records.length;
    this.#complete ||= batch.last;
  }
}
