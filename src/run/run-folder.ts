import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requestStop } from "./control.js";
import { EventLog, followEvents } from "./event-log.js";
import type { RunEvent, SequencedEvent } from "./events.js";
import type { EventsOptions, RunDescription, RunHandle } from "./handle.js";
import { openJournal } from "./journal.js";
import { isOwned, ownRun } from "./owner.js";
import { describeRun, readSummary, runEnd } from "./read-run.js";
import type { RunPaths } from "./run-files.js";
import { runPaths } from "./run-files.js";
import type { RunSummary } from "./summary.js";

const pollMilliseconds = 100;

/**
 * A handle of a run that another process directs, or that has ended, or that waits to be resumed.
 *
 * @param directory Absolute path of the run's folder.
 */
export function openHandle(directory: string): RunHandle {
  return new FolderHandle(directory);
}

class FolderHandle implements RunHandle {
  readonly id: string;
  readonly directory: string;
  readonly #paths: RunPaths;

  constructor(directory: string) {
    this.id = basename(directory);
    this.directory = directory;
    this.#paths = runPaths(directory);
  }

  async result(): Promise<RunSummary> {
    await this.#until(() => this.#isOver());
    return readSummary(this.directory);
  }

  /** A run that nobody directs is ended here. */
  async cancel(reason = "cancelled by the caller"): Promise<void> {
    await requestStop(this.#paths.control, "cancel", reason);
    await this.#until(() => this.#isOver());
    if ((await runEnd(this.directory)) === null) await this.#endHere(reason);
  }

  async pause(): Promise<void> {
    await requestStop(this.#paths.control, "pause", "paused by the caller");
    await this.#until(() => this.#isOver());
  }

  describe(): Promise<RunDescription> {
    return describeRun(this.directory);
  }

  events(options: EventsOptions = {}): AsyncIterable<SequencedEvent> {
    return followEvents(this.#paths.events, { ...options, ended: () => this.#isOver() });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined> {
    for await (const { event } of this.events()) yield event;
  }

  async #isOver(): Promise<boolean> {
    return !(await isOwned(this.#paths.owner));
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await sleep(pollMilliseconds);
  }

  async #endHere(reason: string): Promise<void> {
    const { step } = await this.describe();
    const owner = await ownRun(this.#paths.owner);
    try {
      const journal = await openJournal(this.#paths.journal);
      await journal.write({ type: "ended", outcome: "cancelled", reason, steps: step });
      await journal.close();
      const events = await EventLog.open(this.#paths.events);
      await events.append({ type: "ended", outcome: "cancelled", reason, steps: step, telemetry: null });
      await events.close();
    } finally {
      await owner.release();
    }
  }
}
