import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { JsonlWriter } from "../telemetry/jsonl.js";
import type { RunEvent, SequencedEvent } from "./events.js";
import { withNaN } from "./metrics.js";

/** How soon a reader sees what another process wrote. */
const pollMilliseconds = 100;
/** A reader holds one piece of the file at a time, however slow it is. */
const pieceBytes = 64 * 1024;

/** Appends events to `events.jsonl`. */
export class EventLog {
  readonly #writer: JsonlWriter;
  #sequence: number;

  private constructor(writer: JsonlWriter, sequence: number) {
    this.#writer = writer;
    this.#sequence = sequence;
  }

  /** Opens the log; a torn last line is cut off and the count goes on where it stands. */
  static async open(path: string): Promise<EventLog> {
    const writer = await JsonlWriter.open(path);
    let sequence = 0;
    for await (const event of followEvents(path, { ended: () => true })) sequence = event.sequence;
    return new EventLog(writer, sequence);
  }

  /** Writes an event; readers see it once this resolves. */
  append(event: RunEvent): Promise<void> {
    this.#sequence += 1;
    const line: SequencedEvent = { sequence: this.#sequence, time: new Date().toISOString(), event };
    return this.#writer.append(line);
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
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
        const event = parsed(line);
        if (event === null || event.sequence <= after) continue;
        yield event;
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

function parsed(line: string): SequencedEvent | null {
  try {
    const value = JSON.parse(line) as SequencedEvent;
    return value.event.type === "step"
      ? { ...value, event: { type: "step", report: withNaN(value.event.report) } }
      : value;
  } catch {
    return null;
  }
}
