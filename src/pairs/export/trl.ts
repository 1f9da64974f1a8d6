import type { PairRow } from "../pair-row.js";
import { PAIR_COLUMNS } from "../pair-row.js";
import { cellsOf } from "../pair-rows.js";
import { type WrittenRow, writeTable } from "../table.js";
import type { Exporter } from "./exporter.js";

const TEXTS = new Set(["prompt", "chosen", "rejected"]);

/**
 * Preference rows of TRL, conversational, since its trainer puts the image's place into messages only. Columns that no
 * pair has are left out.
 */
export const trl: Exporter = {
  name: "trl",
  about: "Parquet of conversational preference rows for TRL and scpo_trl",
  documentation: "https://huggingface.co/docs/trl/dataset_formats",
  folder: false,
  incomplete: false,
  write: (rows, out, { present, own }) => {
    const columns = PAIR_COLUMNS.filter(({ name }) => present.has(name)).map((column) =>
      TEXTS.has(column.name) ? { ...column, kind: "messages" as const } : column,
    );
    return writeTable(out, [...columns, ...own], conversations(rows));
  },
};

async function* conversations(rows: AsyncIterable<PairRow>): AsyncGenerator<WrittenRow, void, undefined> {
  for await (const row of rows) {
    yield {
      ...cellsOf(row),
      prompt: [{ role: "user", content: row.prompt }],
      chosen: [{ role: "assistant", content: row.chosen }],
      rejected: [{ role: "assistant", content: row.rejected ?? "" }],
    };
  }
}
