import type { Trainer } from "../backend/trainer.js";
import { TrainerExitedError } from "../backend/trainer.js";

/** A training that has not ended by itself this long after the signal is cut off; five seconds are promised. */
const graceMilliseconds = 3500;

/** Why a run ends before its plan does. */
export interface Stop {
  readonly reason: string;
}

/** Turns the caller's signal into a decision to stop, and into the end of the stream when no report calls for one. */
export class Cancellation {
  /** Cuts the stream off. */
  readonly cutOff: AbortSignal;
  /** Resolves when the caller's signal comes; rejects when the trainer dies. Whoever waits for others races this. */
  readonly interruption: Promise<undefined>;
  #stop: Stop | null = null;
  #dispose: () => void = () => undefined;

  constructor(signal: AbortSignal | undefined, trainer: Trainer) {
    const controller = new AbortController();
    this.cutOff = controller.signal;
    const requested = new Promise<undefined>((resolve) => {
      if (signal === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      const request = () => {
        this.#stop = { reason: "cancelled by the caller" };
        timer = setTimeout(() => controller.abort(), graceMilliseconds);
        resolve(undefined);
      };
      this.#dispose = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", request);
      };
      if (signal.aborted) request();
      else signal.addEventListener("abort", request, { once: true });
    });
    const exited = trainer.exited.then((exit): never => {
      throw new TrainerExitedError(exit, trainer.logPath);
    });
    this.interruption = Promise.race([requested, exited]);
    this.interruption.catch(() => undefined);
  }

  /** Set once the caller's signal came. */
  get stop(): Stop | null {
    return this.#stop;
  }

  /** Lets go of signal and timer. */
  dispose(): void {
    this.#dispose();
  }
}
