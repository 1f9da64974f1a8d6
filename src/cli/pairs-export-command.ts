import { exportPairs, type ExportSummary } from "../pairs/export/export-pairs.js";
import { exporterNamed } from "../pairs/export/registry.js";
import { showProgress } from "../progress/progress.js";

/** What `scpo pairs export` was given. */
export interface PairsExportOptions {
  readonly file: string;
  readonly to: string;
  readonly out: string;
  readonly skipIncomplete: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Exports pairs and says what came of it. */
export async function pairsExport(options: PairsExportOptions): Promise<void> {
  const { file, to, out, skipIncomplete, json, signal } = options;
  const exporter = exporterNamed(to);
  const progress = showProgress();
  let summary: ExportSummary;
  try {
    summary = await exportPairs({
      exporter,
      pairs: file,
      out,
      skipIncomplete,
      signal,
      onProgress: (read, total) => {
        if (read % 1000 === 0) progress.update("export", "pairs", read, total);
      },
    });
  } finally {
    progress.close();
  }
  const { read, written, skipped, columnsLeftOut } = summary;
  const lost = columnsLeftOut.length > 0 ? `columns not kept: ${columnsLeftOut.join(", ")}\n` : "";
  const line = `read ${read} pairs = ${written} written to ${out} + ${skipped} left out\n${lost}`;
  process.stdout.write(json ? `${JSON.stringify(summary, null, 2)}\n` : line);
}
