import type { RunDefinition } from "./definition.js";
import { followEvents } from "./event-log.js";
import type { RunEvent, SequencedEvent } from "./events.js";
import type { EventsOptions, RunDescription, RunHandle } from "./handle.js";
import { describeRun } from "./read-run.js";
import type { RunPaths } from "./run-files.js";
import type { StopRequest } from "./stop-request.js";
import type { RunSummary } from "./summary.js";

/** A handle of a run that this process directs. */
export class LiveRun implements RunHandle {
  readonly id: string;
  readonly directory: string;
  readonly #paths: RunPaths;
  readonly #stop: StopRequest;
  readonly #ended: Promise<RunSummary>;
  #isOver = false;

  /**
   * @param ended What becomes of the run, once this process has released it.
   */
  constructor({ id, directory }: RunDefinition, paths: RunPaths, stop: StopRequest, ended: Promise<RunSummary>) {
    this.id = id;
    this.directory = directory;
    this.#paths = paths;
    this.#stop = stop;
    this.#ended = ended;
    // Whoever asks for the result hears of a failure; a caller that follows the events instead hears of it there.
    ended.then(
      () => (this.#isOver = true),
      () => (this.#isOver = true),
    );
  }

  result(): Promise<RunSummary> {
    return this.#ended;
  }

  async cancel(reason = "cancelled by the caller"): Promise<void> {
    this.#stop.cancel(reason);
    await this.#ended.catch(() => undefined);
  }

  async pause(): Promise<void> {
    this.#stop.pause("paused by the caller");
    await this.#ended.catch(() => undefined);
  }

  async describe(): Promise<RunDescription> {
    return { ...(await describeRun(this.directory)), id: this.id };
  }

  events(options: EventsOptions = {}): AsyncIterable<SequencedEvent> {
    return followEvents(this.#paths.events, { ...options, ended: () => this.#isOver });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined> {
    for await (const { event } of this.events()) yield event;
  }
}
