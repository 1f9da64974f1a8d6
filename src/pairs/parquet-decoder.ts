import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { FileMetaData } from "hyparquet";
import { PACKAGE_ROOT } from "../package-root.js";

const ENTRY = join(PACKAGE_ROOT, "dist", "pairs", "parquet-worker.js");
/** Files that the worker knows at a time. */
export const FILES_KEPT = 4;

/**
 * What the rows of one request may take. A byte that is wrong in a file can claim billions of values, whose reader would
 * be busy for minutes and take all memory.
 */
export const DECODING_LIMITS = { seconds: 60, secondsPerMebibyte: 1, mebibytes: 4096 };

/** Rows of a file; what it is stands in the first request for it. */
export interface RowsRequest {
  readonly id: number;
  readonly opened?: { readonly path: string; readonly metadata: FileMetaData };
  readonly columns: string[];
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly useOffsetIndex?: boolean;
}

/** What the worker answers. */
export type RowsAnswer = { readonly rows: Record<string, unknown>[] } | { readonly error: string };

/** Part of a file to decode. */
export type RowsPart = Omit<RowsRequest, "id" | "opened"> & { readonly path: string; readonly metadata: FileMetaData };

const ids = new WeakMap<FileMetaData, number>();
let lastId = 0;
let worker: Worker | undefined;
/** What the worker knows, as it keeps it. */
const known = new Set<number>();
let last: Promise<unknown> = Promise.resolve();

/**
 * Decodes rows in a thread of their own, one request at a time, which is ended where it takes too much time or memory.
 *
 * @param part - Where the rows are.
 * @throws Error that says what is wrong with the file.
 */
export function decodeRows(part: RowsPart): Promise<Record<string, unknown>[]> {
  const decoded = last.then(() => decode(part));
  last = decoded.catch(() => undefined);
  return decoded;
}

async function decode({ path, metadata, ...part }: RowsPart): Promise<Record<string, unknown>[]> {
  worker ??= start();
  const answer = await ask(worker, { ...part, ...fileFor(path, metadata) }, secondsFor(metadata, part));
  if ("error" in answer) throw new Error(answer.error);
  return answer.rows;
}

function fileFor(path: string, metadata: FileMetaData): Pick<RowsRequest, "id" | "opened"> {
  const id = ids.get(metadata) ?? (lastId += 1);
  ids.set(metadata, id);
  if (known.has(id)) return { id };
  known.add(id);
  for (const oldest of known) if (known.size > FILES_KEPT) known.delete(oldest);
  return { id, opened: { path, metadata } };
}

function secondsFor(
  { row_groups: groups }: FileMetaData,
  { columns, rowStart, rowEnd }: Omit<RowsPart, "path" | "metadata">,
): number {
  let bytes = 0;
  let start = 0;
  for (const group of groups) {
    const end = start + Number(group.num_rows);
    if (start < rowEnd && end > rowStart) {
      for (const { meta_data: chunk } of group.columns) {
        const isAsked = columns.includes(chunk?.path_in_schema[0] ?? "");
        // Of the bytes that it names none is more than there are in the file.
        if (chunk !== undefined && isAsked) bytes += Math.max(0, Number(chunk.total_compressed_size));
      }
    }
    start = end;
  }
  return DECODING_LIMITS.seconds + Math.min(bytes / 2 ** 20, 3600) * DECODING_LIMITS.secondsPerMebibyte;
}

function ask(asked: Worker, request: RowsRequest, seconds: number): Promise<RowsAnswer> {
  asked.ref();
  return new Promise((resolve) => {
    const settle = (answer: RowsAnswer, isDead: boolean): void => {
      clearTimeout(timer);
      for (const event of ["message", "error"]) asked.removeAllListeners(event);
      if (isDead) {
        known.clear();
        worker = undefined;
        asked.on("error", () => undefined);
        void asked.terminate();
      } else asked.unref();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      settle({ error: `its values are not read within ${Math.round(seconds)} s` }, true);
    }, seconds * 1000);
    asked.on("message", (answer: RowsAnswer) => settle(answer, false));
    asked.on("error", (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      settle({ error: isMemory ? `its values take more than ${DECODING_LIMITS.mebibytes} MiB` : error.message }, true);
    });
    asked.postMessage(request);
  });
}

function start(): Worker {
  known.clear();
  // Options of this process, such as a loader of a test, are not the worker's.
  return new Worker(ENTRY, { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: DECODING_LIMITS.mebibytes } });
}
