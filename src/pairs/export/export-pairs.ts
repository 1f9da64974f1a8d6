import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../../errors.js";
import { refuseOverInputs } from "../../files/outputs.js";
import { removeLeftovers, writeAtomically } from "../../files/write-atomically.js";
import { type PairRow, PAIR_COLUMNS } from "../pair-row.js";
import { streamPairRows } from "../pair-rows.js";
import { openParquet, presentColumns } from "../parquet-rows.js";
import { ownColumns } from "../own-columns.js";
import type { Exporter } from "./exporter.js";
import { makeFolder } from "../../files/writable.js";

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
  /** Columns of the user's own that are not kept, such as lists. */
  readonly columnsLeftOut: readonly string[];
}

/** Where an export says what it wrote. */
export function exportSummaryPath(out: string): string {
  return `${out}.export.json`;
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
  await refuseOverInputs([{ flag: "out", path: out }], [{ flag: "pairs", path: pairs }]);
  if (!exporter.folder) await removeLeftovers(out);
  const opened = await openParquet(pairs);
  const own = await ownColumns(pairs);
  let read = 0;
  let written = 0;
  const rows = async function* (): AsyncGenerator<PairRow, void, undefined> {
    for await (const row of streamPairRows(pairs, own.kept)) {
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
  const present = new Set(await presentColumns(opened, names));
  // There from the start: what an export that is killed leaves is known to be one.
  const path = exportSummaryPath(out);
  await makeFolder(dirname(out));
  await writeAtomically(path, `${JSON.stringify({ format: exporter.name })}\n`);
  try {
    await exporter.write(rows(), out, { present, own: own.kept });
  } catch (error) {
    if (!existsSync(out)) await rm(path, { force: true });
    throw error;
  }
  const summary = { format: exporter.name, read, written, skipped: read - written, columnsLeftOut: own.leftOut };
  await writeAtomically(path, `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

async function checkPlace(exporter: Exporter, out: string): Promise<void> {
  const found = await stat(out).catch(() => null);
  if (found === null || found.isDirectory() === exporter.folder) return;
  const [is, wish] = exporter.folder ? ["a file", "a folder"] : ["a folder", "a file"];
  throw new UserError(`--out: ${out} is ${is}, expected ${wish} for ${exporter.name}; name another`);
}
