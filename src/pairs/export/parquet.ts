import { writePairRows } from "../pair-rows.js";
import type { Exporter } from "./exporter.js";

/** A pairs file with every column, as `datasets.load_dataset` opens it. */
export const parquet: Exporter = {
  name: "parquet",
  about: "a pairs file: Parquet with Image columns for datasets.load_dataset",
  documentation: "docs/pairs.md, Columns",
  folder: false,
  incomplete: true,
  write: (rows, out, { own }) => writePairRows(out, rows, own),
};
