import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requestStop } from "./stop-request.js";
import type { RunDefinition } from "./definition.js";
import type { RunEvent, SequencedEvent } from "./log/entries.js";
import { followEvents } from "./log/read.js";
import { RunLog } from "./log/run-log.js";
import { isHeld, takeHold } from "./hold.js";
import type { RunDescription, RunSummary } from "./read-run.js";
import { describeRun, readSummary, runEnd } from "./read-run.js";
import { runPaths } from "./run-files.js";
import type { Stop, StopRequest } from "./stop-request.js";

const pollMilliseconds = 100;

/** Which events a reader wants. */
export interface EventsOptions {
  /** Only those after this sequence number (default 0: all). */
  readonly after?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** How the director of a run is reached. */
interface Director {
  isOver(): boolean | Promise<boolean>;
  /** Resolves when no director holds the run any more. */
  released(): Promise<unknown>;
  result(): Promise<RunSummary>;
  ask(stop: Stop): void | Promise<void>;
}

/**
 * A handle of a run that this process directs.
 *
 * @param ended What becomes of the run, once this process has let go of it.
 */
export function directedHere(
  { id, directory }: RunDefinition,
  stop: StopRequest,
  ended: Promise<RunSummary>,
): RunHandle {
  let isOver = false;
  // Whoever asks for the result hears of a failure; a caller that follows the events instead hears of it there.
  const released = ended.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  return new RunHandle(id, directory, {
    isOver: () => isOver,
    released: () => released,
    result: () => ended,
    ask: ({ kind, reason }) => stop[kind](reason),
  });
}

/**
 * A handle of a run that another process directs, or that has ended, or that waits to be resumed.
 *
 * @param directory Absolute path of the run's folder.
 */
export function openHandle(directory: string): RunHandle {
  const { hold, control } = runPaths(directory);
  const isOver = async () => !(await isHeld(hold));
  const released = async () => {
    while (!(await isOver())) await sleep(pollMilliseconds);
  };
  return new RunHandle(basename(directory), directory, {
    isOver,
    released,
    result: async () => {
      await released();
      return readSummary(directory);
    },
    ask: ({ kind, reason }) => requestStop(control, kind, reason),
  });
}

/** A run, of this process or of another, living or ended. Its iterator gives every event from the first to the end. */
export class RunHandle implements AsyncIterable<RunEvent> {
  readonly id: string;
  /** The run's folder. */
  readonly directory: string;
  readonly #director: Director;

  /** @internal */
  constructor(id: string, directory: string, director: Director) {
    this.id = id;
    this.directory = directory;
    this.#director = director;
  }

  /**
   * What became of the run, once it has ended; a cancelled or paused run resolves too.
   *
   * @throws RunFailedError when it failed; its `cause` says why.
   */
  result(): Promise<RunSummary> {
    return this.#director.result();
  }

  /**
   * Ends the run within five seconds without saving anything further; resolves when it has ended. A run that nobody
   * directs is ended here.
   */
  async cancel(reason = "cancelled by the caller"): Promise<void> {
    await this.#director.ask({ kind: "cancel", reason });
    await this.#director.released();
    if ((await runEnd(this.directory)) === null) await this.#endHere(reason);
  }

  /** Saves the training after the step under way, and ends the trainer; resolves when that is done. */
  async pause(): Promise<void> {
    await this.#director.ask({ kind: "pause", reason: "paused by the caller" });
    await this.#director.released();
  }

  /** Where the run stands now, from its folder. */
  async describe(): Promise<RunDescription> {
    return { ...(await describeRun(this.directory)), id: this.id };
  }

  /** What happened and happens, from the run's folder; any number of readers, each at its own pace. */
  events(options: EventsOptions = {}): AsyncIterable<SequencedEvent> {
    return followEvents(runPaths(this.directory).log, { ...options, ended: () => this.#director.isOver() });
  }

  /** The events of the run from its first on, without their numbers, until it ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined> {
    for await (const { event } of this.events()) yield event;
  }

  async #endHere(reason: string): Promise<void> {
    const paths = runPaths(this.directory);
    const { step } = await this.describe();
    const hold = await takeHold(paths.hold);
    try {
      const log = await RunLog.open(paths.log);
      await log.write({ type: "ended", outcome: "cancelled", reason, steps: step, telemetry: null });
      await log.close();
    } finally {
      await hold.release();
    }
  }
}
