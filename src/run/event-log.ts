import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { JsonlWriter, linesFromEnd } from "../files/jsonl.js";
import type { RunEvent, SequencedEvent } from "./events.js";
import { type StepMetrics, withNaN } from "./metrics.js";

/** How soon a reader sees what another process wrote. */
const pollMilliseconds = 100;
/** A reader holds one piece of the file at a time, however slow it is. */
const pieceBytes = 64 * 1024;

/** Where a log stands. */
export interface LogEnd {
  /** Sequence number of the last event; 0 before the first. */
  readonly sequence: number;
  /** When it happened, in milliseconds since 1970; null before the first. */
  readonly at: number | null;
  /** Milliseconds during which a director held the run, up to it. */
  readonly held: number;
}

const EMPTY: LogEnd = { sequence: 0, at: null, held: 0 };

function advanced({ sequence, at, held }: LogEnd, event: RunEvent, now: number): LogEnd {
  // A clock may be set back. Between the end of a director's life and the beginning of the next nobody held the run.
  const since = at === null || event.type === "claimed" ? 0 : Math.max(0, now - at);
  return { sequence: sequence + 1, at: now, held: held + since };
}

/** A line of the log: an event, and what a reader of the end need not add up. */
interface Line extends SequencedEvent {
  readonly held: number;
}

/** Appends events to `events.jsonl`. */
export class EventLog {
  readonly #writer: JsonlWriter;
  #end: LogEnd;

  private constructor(writer: JsonlWriter, end: LogEnd) {
    this.#writer = writer;
    this.#end = end;
  }

  /** Opens the log; a torn last line is cut off and the count goes on where it stands. */
  static async open(path: string): Promise<EventLog> {
    const writer = await JsonlWriter.open(path);
    return new EventLog(writer, (await readEnd(path)).end);
  }

  /** Writes an event; readers see it once this resolves. */
  append(event: RunEvent): Promise<void> {
    const now = Date.now();
    this.#end = advanced(this.#end, event, now);
    const { sequence, held } = this.#end;
    const line: Line = { sequence, time: new Date(now).toISOString(), held, event };
    return this.#writer.append(line);
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

/**
 * Reads where a log stands from its end, however long it is.
 *
 * @returns The end, and the report of the last step; null before the first.
 */
export async function readEnd(path: string): Promise<{ end: LogEnd; metrics: StepMetrics | null }> {
  let end: LogEnd | undefined;
  for await (const text of linesFromEnd(path)) {
    const line = parsed(text);
    if (line === null) continue;
    if (end === undefined) {
      // Written by a version that left the adding up to its readers.
      if (line.held === undefined) return foldedEnd(path);
      end = { sequence: line.sequence, at: Date.parse(line.time), held: line.held };
    }
    if (line.event.type === "step") return { end, metrics: line.event.report };
  }
  return { end: end ?? EMPTY, metrics: null };
}

async function foldedEnd(path: string): Promise<{ end: LogEnd; metrics: StepMetrics | null }> {
  let end = EMPTY;
  let metrics: StepMetrics | null = null;
  for await (const { sequence, time, event } of followEvents(path, { ended: () => true })) {
    end = { ...advanced(end, event, Date.parse(time)), sequence };
    if (event.type === "step") metrics = event.report;
  }
  return { end, metrics };
}

/**
 * Reads `events.jsonl` and follows it.
 *
 * @param path The file; it may not exist yet.
 * @param options.after Skips events up to this sequence number.
 * @param options.ended Asked when the file has no more: true ends the iteration once everything is read.
 * @param options.signal Ends the iteration.
 */
export async function* followEvents(
  path: string,
  options: { after?: number; ended: () => boolean | Promise<boolean>; signal?: AbortSignal },
): AsyncGenerator<SequencedEvent, void, undefined> {
  const { after = 0, ended, signal } = options;
  let file: FileHandle | undefined;
  try {
    let piece = Buffer.alloc(pieceBytes);
    // Always the start of a line: one that is not whole yet is read again, since a later director may cut it off.
    let position = 0;
    let last = false;
    while (!isAborted(signal)) {
      file ??= await openExisting(path);
      const { bytesRead } = (await file?.read(piece, 0, piece.length, position)) ?? { bytesRead: 0 };
      const whole = piece.lastIndexOf(10, bytesRead - 1) + 1;
      if (bytesRead === 0 || whole === 0) {
        if (bytesRead === piece.length) {
          piece = Buffer.alloc(2 * piece.length);
          continue;
        }
        if (last) return;
        // What was written before the end is read once more after it is known.
        last = await ended();
        if (!last) await sleep(pollMilliseconds, undefined, { signal }).catch(() => undefined);
        continue;
      }
      position += whole;
      for (const line of piece.toString("utf8", 0, whole - 1).split("\n")) {
        const found = parsed(line);
        if (found === null || found.sequence <= after) continue;
        const { sequence, time, event } = found;
        yield { sequence, time, event };
        if (isAborted(signal)) return;
      }
    }
  } finally {
    await file?.close();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parsed(text: string): (SequencedEvent & Partial<Line>) | null {
  try {
    const line = JSON.parse(text) as SequencedEvent & Partial<Line>;
    return line.event.type === "step" ? { ...line, event: { type: "step", report: withNaN(line.event.report) } } : line;
  } catch {
    return null;
  }
}
