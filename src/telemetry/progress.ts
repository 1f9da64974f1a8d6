import { SingleBar } from "cli-progress";
import type { RunEvent } from "../run/events.js";

/** Shows a run's events to a person. */
export interface ProgressDisplay {
  onEvent(event: RunEvent): void;
  /** Leaves the terminal as it was, also when the run failed. */
  stop(): void;
}

/** A plain line about steps or a table comes this often at most. */
const lineMilliseconds = 5000;

/**
 * A bar on a terminal; elsewhere plain lines: stage changes, checkpoints, moves of the reference, and now and then a
 * step.
 *
 * @param stream Where to; default: standard error, so that standard output stays free for results.
 * @param now A clock in milliseconds.
 */
export function showProgress(
  stream: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): ProgressDisplay {
  return stream.isTTY ? new BarDisplay(stream) : new LineDisplay(stream, now);
}

/** One line for an event; null for those that are too many to tell each. */
function told(event: RunEvent): string | null {
  switch (event.type) {
    case "started":
      return `${event.name}: ${event.stages.map(({ name, steps }) => `${name} (${steps} steps)`).join(", ")}`;
    case "stage-opened":
      return `stage ${event.stage} "${event.name}": ${event.steps} steps, reference: ${event.reference}`;
    case "reference-moved":
      return `reference moved at step ${event.step} (alpha ${event.alpha}): ${event.reason}`;
    case "checkpoint":
      return `checkpoint ${event.name} at step ${event.step}`;
    case "stage-closed":
      return `stage ${event.stage} closed after ${event.steps} steps`;
    case "ended":
      return `${event.outcome} after ${event.steps} steps in ${event.seconds.toFixed(1)} s`;
    case "table":
    case "step":
      return null;
  }
}

class LineDisplay implements ProgressDisplay {
  readonly #stream: NodeJS.WritableStream;
  readonly #now: () => number;
  #last = -Infinity;
  #steps = 0;

  constructor(stream: NodeJS.WritableStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  onEvent(event: RunEvent): void {
    if (event.type === "started") this.#steps = sum(event);
    const line = told(event);
    if (line !== null) this.#write(line);
    else if (this.#now() - this.#last >= lineMilliseconds) this.#write(this.#frequent(event));
  }

  stop(): void {
    // Nothing is left on the terminal.
  }

  #frequent(event: RunEvent): string {
    if (event.type === "table") return `reference table: ${event.done}/${event.total} pairs`;
    if (event.type !== "step") return "";
    const { step, loss } = event.report;
    return `step ${step}/${this.#steps}, loss ${loss.toFixed(4)}`;
  }

  #write(line: string): void {
    this.#last = this.#now();
    this.#stream.write(`${line}\n`);
  }
}

class BarDisplay implements ProgressDisplay {
  readonly #bar: SingleBar;
  #steps = 0;
  #stage = "";

  constructor(stream: NodeJS.WritableStream) {
    this.#bar = new SingleBar({
      stream,
      format: "{bar} {value}/{total} {stage} {note}",
      barsize: 24,
      hideCursor: null,
      clearOnComplete: false,
      gracefulExit: false,
    });
  }

  onEvent(event: RunEvent): void {
    switch (event.type) {
      case "started":
        this.#steps = sum(event);
        this.#bar.start(this.#steps, 0, { stage: "", note: "" });
        return;
      case "table":
        this.#bar.update({ note: `reference table ${event.done}/${event.total}` });
        return;
      case "stage-opened":
        this.#stage = event.name;
        this.#bar.update({ stage: this.#stage, note: "" });
        return;
      case "step":
        this.#bar.update(event.report.step, { note: `loss ${event.report.loss.toFixed(4)}` });
        return;
      case "ended":
        this.#bar.update(event.steps, { note: event.outcome });
        this.stop();
        return;
      case "reference-moved":
      case "checkpoint":
      case "stage-closed":
        this.#bar.update({ note: told(event) ?? "" });
    }
  }

  stop(): void {
    this.#bar.stop();
  }
}

function sum(event: Extract<RunEvent, { type: "started" }>): number {
  return event.stages.reduce((total, { steps }) => total + steps, 0);
}
