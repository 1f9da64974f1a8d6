import { stat } from "node:fs/promises";
import { UserError } from "../../errors.js";
import { removeLeftovers } from "../../files/write-atomically.js";
import { type PairRow, PAIR_COLUMNS } from "../pair-row.js";
import { streamPairRows } from "../pair-rows.js";
import { openParquet, presentColumns } from "../parquet-rows.js";
import type { Exporter } from "./exporter.js";

/** What an export is asked to do. */
export interface ExportRequest {
  readonly exporter: Exporter;
  /** Pairs file to read. */
  readonly pairs: string;
  /** File or folder to write. */
  readonly out: string;
  /** Leave out pairs whose rejected text is still to be made, where the format has no place for them. */
  readonly skipIncomplete: boolean;
  readonly signal?: AbortSignal;
  /** Hears how many pairs were read, of how many. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** What an export came to; `read` is `written` and `skipped` together. */
export interface ExportSummary {
  readonly format: string;
  readonly read: number;
  readonly written: number;
  /** Incomplete pairs that were left out. */
  readonly skipped: number;
}

/**
 * Exports pairs; running it again ends with the same files.
 *
 * @param request - What to read and where to write.
 * @throws UserError when the file cannot be read, or holds incomplete pairs that the format has no place for.
 */
export async function exportPairs(request: ExportRequest): Promise<ExportSummary> {
  const { exporter, pairs, out, skipIncomplete, signal, onProgress } = request;
  await checkPlace(exporter, out);
  if (!exporter.folder) await removeLeftovers(out);
  const opened = await openParquet(pairs);
  let read = 0;
  let written = 0;
  const rows = async function* (): AsyncGenerator<PairRow, void, undefined> {
    for await (const row of streamPairRows(pairs)) {
      signal?.throwIfAborted();
      read += 1;
      onProgress?.(read, opened.count);
      if (row.rejected === null && !exporter.incomplete) {
        if (skipIncomplete) continue;
        throw new UserError(
          `${pairs}, pair "${row.id}" (row ${read - 1}): rejected is still to be made, and ${exporter.name} has no place ` +
            "for such a pair; make it, or leave such pairs out with --skip-incomplete",
        );
      }
      written += 1;
      yield row;
    }
    if (written === 0) throw new UserError(`${pairs}: all ${read} pairs lack a rejected text; expected one at least`);
  };
  const names = PAIR_COLUMNS.map(({ name }) => name);
  await exporter.write(rows(), out, new Set(await presentColumns(opened, names)));
  return { format: exporter.name, read, written, skipped: read - written };
}

async function checkPlace(exporter: Exporter, out: string): Promise<void> {
  const found = await stat(out).catch(() => null);
  if (found === null || found.isDirectory() === exporter.folder) return;
  const [is, wish] = exporter.folder ? ["a file", "a folder"] : ["a folder", "a file"];
  throw new UserError(`--out: ${out} is ${is}, expected ${wish} for ${exporter.name}; name another`);
}
