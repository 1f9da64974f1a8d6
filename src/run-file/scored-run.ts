import type { RunEvent, SequencedEvent } from "../run/events.js";
import type { EventsOptions, RunDescription, RunHandle } from "../run/handle.js";
import type { RunSummary } from "../run/summary.js";
import type { PlannedRun } from "./plan-run.js";
import { scoreRun, type ScoreProgress } from "./score-run.js";
import { writeRunPage } from "./write-page.js";

/** A run whose training is under way. */
type TrainedRun = Pick<PlannedRun, "resolved"> & { readonly directory: string };
/** How its evaluation is followed and ended. */
interface ScoringOptions {
  readonly signal?: AbortSignal;
  readonly onScore?: ScoreProgress;
}

/** A training's handle whose result comes after the evaluation and the page that the run's settings ask for. */
export class ScoredRun implements RunHandle {
  readonly #handle: RunHandle;
  readonly #result: Promise<RunSummary>;
  /** Ends the evaluation. */
  readonly #abort = new AbortController();

  constructor(handle: RunHandle, run: TrainedRun, options: ScoringOptions) {
    this.#handle = handle;
    this.#result = this.#finish(run, options);
    // Nobody may ask for the result; the handle's own tells the failure too.
    this.#result.catch(() => undefined);
  }

  get id(): string {
    return this.#handle.id;
  }

  get directory(): string {
    return this.#handle.directory;
  }

  result(): Promise<RunSummary> {
    return this.#result;
  }

  async cancel(reason?: string): Promise<void> {
    this.#abort.abort();
    await this.#handle.cancel(reason);
    await this.#ended();
  }

  async pause(): Promise<void> {
    this.#abort.abort();
    await this.#handle.pause();
    await this.#ended();
  }

  describe(): Promise<RunDescription> {
    return this.#handle.describe();
  }

  events(options?: EventsOptions): AsyncIterable<SequencedEvent> {
    return this.#handle.events(options);
  }

  [Symbol.asyncIterator](): AsyncIterator<RunEvent> {
    return this.#handle[Symbol.asyncIterator]();
  }

  async #finish({ resolved, directory }: TrainedRun, options: ScoringOptions): Promise<RunSummary> {
    const summary = await this.#handle.result();
    if (summary.outcome !== "completed" && summary.outcome !== "stopped") return summary;
    const signals = [this.#abort.signal, ...(options.signal === undefined ? [] : [options.signal])];
    await scoreRun(directory, resolved, { signal: AbortSignal.any(signals), onProgress: options.onScore });
    if (resolved.reporting.page) await writeRunPage(directory, resolved);
    return summary;
  }

  #ended(): Promise<unknown> {
    return this.#result.catch(() => undefined);
  }
}
