import { createHash } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { ExportCheckpointResponse } from "../generated/scpo/v1/run.js";

const pieceBytes = 256 * 1024;

/** Gives the files of a folder in pieces, in the order of their paths; one piece is held at a time. */
export async function* checkpointFiles(folder: string): AsyncGenerator<ExportCheckpointResponse, void, undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  // Links could lead out of the checkpoint.
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) yield* pieces(file, relative(folder, file).split(sep).join("/"));
}

async function* pieces(file: string, path: string): AsyncGenerator<ExportCheckpointResponse, void, undefined> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const hash = createHash("sha256");
    let offset = 0;
    do {
      const data = Buffer.alloc(Math.min(pieceBytes, size - offset));
      const { bytesRead } = await handle.read(data, 0, data.length, offset);
      if (bytesRead === 0 && size > offset) throw new Error(`${file} became shorter while it was read`);
      const read = data.subarray(0, bytesRead);
      hash.update(read);
      const last = offset + bytesRead >= size;
      yield { path, offset, data: read, sha256: last ? hash.digest("hex") : "" };
      offset += bytesRead;
    } while (offset < size);
  } finally {
    await handle.close();
  }
}
