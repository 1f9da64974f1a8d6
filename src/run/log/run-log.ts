import { JsonlWriter } from "../../files/jsonl.js";
import type { LogEntry, LogLine } from "./entries.js";
import { isEvent, isLandmark } from "./entries.js";
import { readEnd } from "./read.js";

/** Appends to a run's log; whoever directs the run is the only one that does. */
export class RunLog {
  readonly #writer: JsonlWriter;
  #sequence: number;
  /** When the last line was written, in milliseconds since 1970; null before the first. */
  #at: number | null;
  #held: number;
  #landmark: number | null;

  private constructor(writer: JsonlWriter, last: LogLine | null, landmark: number | null) {
    this.#writer = writer;
    this.#sequence = last?.sequence ?? 0;
    this.#at = last === null ? null : Date.parse(last.time);
    this.#held = last?.held ?? 0;
    this.#landmark = landmark;
  }

  /** Opens the log; a torn last line is cut off, and the numbers go on where they stand. */
  static async open(path: string): Promise<RunLog> {
    const writer = await JsonlWriter.open(path);
    const { last, start } = await readEnd(path);
    const landmark = last === null ? null : isLandmark(last) ? start : last.landmark;
    return new RunLog(writer, last, landmark);
  }

  /**
   * Resolves when readers see the entry and, if it is a landmark, the disk has it with all before it. A decision waits for
   * the next landmark or for `sync`: whoever resumes begins at a saved training, whose landmark comes after the decisions
   * that led to it, and takes the later ones again.
   */
  async write(entry: LogEntry): Promise<void> {
    const now = Date.now();
    // A clock may be set back. Between the end of a director's life and the beginning of the next nobody held the run.
    if (this.#at !== null && entry.type !== "claimed") this.#held += Math.max(0, now - this.#at);
    this.#at = now;
    if (isEvent(entry)) this.#sequence += 1;
    const [sequence, time, held] = [this.#sequence, new Date(now).toISOString(), this.#held];
    const line: LogLine = { sequence, time, held, landmark: this.#landmark, entry };
    const isMark = isLandmark(line);
    if (isMark) this.#landmark = this.#writer.end;
    await this.#writer.append(line);
    if (isMark) await this.#writer.sync();
  }

  /** Resolves when the disk has every entry. */
  sync(): Promise<void> {
    return this.#writer.sync();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
