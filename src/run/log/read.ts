import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { DamagedLineError, linesFromEnd, scanLines } from "../../files/jsonl.js";
import type { StepReport } from "../../generated/scpo/v1/trainer.js";
import type { Landmark, LogEntry, LogLine, SequencedEvent } from "./entries.js";
import { isEvent, isLandmark } from "./entries.js";
import { counts, type FoldedLog, foldLog } from "./fold.js";

/** How soon a reader sees what another process wrote. */
const pollMilliseconds = 100;
/** A reader holds one piece of the file at a time, however slow it is. */
const pieceBytes = 64 * 1024;
/** Most landmarks are shorter. */
const landmarkBytes = 4 * 1024;

/** Where a log stands. */
export interface LogEnd {
  /** The last line; null before the first. */
  readonly last: LogLine | null;
  /** The byte at which it begins. */
  readonly start: number;
  /** The last step's report; null before the first. */
  readonly report: StepReport | null;
  /** Optimiser steps that are decided about. */
  readonly step: number;
}

/** Reads where a log stands from its end, back to its last step. */
export async function readEnd(path: string): Promise<LogEnd> {
  let end: LogEnd = { last: null, start: 0, report: null, step: 0 };
  let step: number | undefined;
  for await (const { start, text } of linesFromEnd(path)) {
    const line = parsedOr(text);
    if (line === null) continue;
    if (end.last === null) end = { ...end, last: line, start };
    const { entry } = line;
    if (entry.type === "decision") step ??= entry.decision.step;
    if (entry.type === "resumed") step ??= entry.step;
    if (entry.type === "step") return { ...end, report: entry.report, step: step ?? entry.report.step - 1 };
  }
  return { ...end, step: step ?? 0 };
}

/**
 * Reads a log as it counts from its landmarks alone, however many steps lie between them. A landmark that cannot be read
 * has the log read from its beginning.
 */
export async function readFolded(path: string): Promise<FoldedLog> {
  const found: LogLine<Landmark>[] = [];
  let { last: line } = await readEnd(path);
  if (line === null) return foldLog([]);
  const file = await open(path, "r");
  try {
    for (;;) {
      if (isLandmark(line)) found.push(line);
      if (line.landmark === null) return foldLog(found.reverse());
      const earlier: LogLine | null = await lineAt(file, line.landmark);
      if (earlier === null || !isLandmark(earlier) || earlier.sequence > line.sequence) return await readWhole(path);
      line = earlier;
    }
  } finally {
    await file.close();
  }
}

/** Reads a log as it counts, every line looked at. */
export async function readWhole(path: string): Promise<FoldedLog> {
  const found: (LogLine<Landmark> | DamagedLineError)[] = [];
  for await (const line of scanLog(path)) if (line instanceof DamagedLineError || isLandmark(line)) found.push(line);
  return foldLog(found);
}

/**
 * Reads what counts of a log, entry by entry: those of a long run do not fit into memory together.
 *
 * @param until Number of the last event that is wanted (default: all).
 * @throws DamagedLineError when a line that would count is damaged; a torn last line is none.
 */
export async function* readEntries(
  path: string,
  folded?: FoldedLog,
  until = Infinity,
): AsyncGenerator<LogEntry, void, undefined> {
  const fold = folded ?? (await readFolded(path));
  let last = 0;
  for await (const line of scanLog(path)) {
    if (line instanceof DamagedLineError) {
      if (last >= until) return;
      if (counts(fold, last + 1)) throw line;
      continue;
    }
    last = line.sequence;
    if (last > until) return;
    if (counts(fold, last)) yield line.entry;
  }
}

/**
 * Reads a log's events and follows it; a damaged line is passed over.
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
      for (const text of piece.toString("utf8", 0, whole - 1).split("\n")) {
        const line = parsedOr(text);
        if (line === null || !isEvent(line.entry) || line.sequence <= after) continue;
        yield { sequence: line.sequence, time: line.time, event: line.entry };
        if (isAborted(signal)) return;
      }
    }
  } finally {
    await file?.close();
  }
}

/** The lines of a log; in the place of one that cannot be read, or before which one is missing, an error. */
async function* scanLog(path: string): AsyncGenerator<LogLine | DamagedLineError, void, undefined> {
  let sequence = 0;
  try {
    for await (const { number, value } of scanLines(path, parsed)) {
      if (value === null) {
        yield new DamagedLineError(path, number, "no entry of a run's log");
        continue;
      }
      if (!(value instanceof DamagedLineError)) {
        const expected = isEvent(value.entry) ? sequence + 1 : sequence;
        if (value.sequence !== expected) {
          yield new DamagedLineError(path, number, `event ${value.sequence} stands where ${expected} was expected`);
        }
        ({ sequence } = value);
      }
      yield value;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** The line that begins at a byte; null when none does. */
async function lineAt(file: FileHandle, start: number): Promise<LogLine | null> {
  for (let size = landmarkBytes; ; size *= 8) {
    const piece = Buffer.alloc(size);
    const { bytesRead } = await file.read(piece, 0, size, start);
    const end = piece.subarray(0, bytesRead).indexOf(10);
    if (end >= 0) return parsedOr(piece.toString("utf8", 0, end));
    if (bytesRead < size) return null;
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

function parsedOr(text: string): LogLine | null {
  try {
    return parsed(text);
  } catch {
    return null;
  }
}

/**
 * @returns null when the text is JSON and no line of a log.
 * @throws SyntaxError when it is not JSON.
 */
function parsed(text: string): LogLine | null {
  const line = JSON.parse(text) as LogLine | null;
  const entry = line?.entry;
  if (line === null || entry?.type === undefined) return null;
  // Most reports have every figure, and there are many.
  if (entry.type !== "step" || !text.includes("null", text.indexOf('"entry"'))) return line;
  return { ...line, entry: { type: "step", report: withNaN(entry.report) } };
}

/** JSON has no NaN and writes null: a figure that was not computed is NaN again, at any depth. */
function withNaN<T>(value: T): T {
  if (value === null) return NaN as T;
  if (Array.isArray(value)) return value.map((item: unknown) => withNaN(item)) as T;
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withNaN<unknown>(item)])) as T;
}
