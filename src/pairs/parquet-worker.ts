import { parentPort } from "node:worker_threads";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { FILES_KEPT, type RowsAnswer, type RowsRequest } from "./parquet-decoder.js";

const files = new Map<number, { readonly file: AsyncBuffer; readonly metadata: FileMetaData }>();

async function rowsOf({ id, opened, ...part }: RowsRequest): Promise<Record<string, unknown>[]> {
  if (opened !== undefined) {
    files.set(id, { file: await asyncBufferFromFile(opened.path), metadata: opened.metadata });
    for (const oldest of files.keys()) if (files.size > FILES_KEPT) files.delete(oldest);
  }
  const found = files.get(id);
  if (found === undefined) throw new Error(`file ${id} was not opened`);
  return parquetReadObjects({
    ...found,
    ...part,
    utf8: false,
    compressors: { GZIP: (bytes) => gunzipSync(bytes), BROTLI: (bytes) => brotliDecompressSync(bytes) },
  });
}

/** Memory of pictures, which is handed over instead of copied. */
function buffersIn(value: unknown, found: Set<ArrayBuffer>): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) buffersIn(inner, found);
  }
  return found;
}

parentPort?.on("message", (request: RowsRequest) => {
  void rowsOf(request).then(
    (rows) => parentPort?.postMessage({ rows } satisfies RowsAnswer, [...buffersIn(rows, new Set())]),
    (error: unknown) =>
      parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies RowsAnswer),
  );
});
