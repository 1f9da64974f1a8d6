import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FileRow } from "../files/rows.js";
import { openParquet, parquetRows } from "../pairs/parquet-rows.js";

/** Parquet files of annotations, as data sets on the hub hold them. */
export interface AnnotationTables {
  paths: readonly string[];
  /** Rows of all files, images left out. */
  rows: readonly FileRow[];
}

/**
 * Reads the Parquet files of a folder that have the columns of a benchmark.
 *
 * @param folder - That holds them, or whose folder `data` does.
 * @param columns - That each must have; others are not read.
 * @returns Undefined where there is none.
 * @throws UserError when a file is damaged.
 */
export async function annotationTables(
  folder: string,
  columns: readonly string[],
): Promise<AnnotationTables | undefined> {
  for (const each of [folder, join(folder, "data")]) {
    const names = (await readdir(each).catch(() => [])).filter((name) => name.endsWith(".parquet")).sort();
    const paths: string[] = [];
    const rows: FileRow[] = [];
    for (const name of names) {
      const opened = await openParquet(join(each, name));
      if (!columns.every((column) => opened.columns.includes(column))) continue;
      paths.push(opened.path);
      let line = 0;
      for await (const value of parquetRows(opened, columns)) {
        rows.push({ file: opened.path, line: (line += 1), counted: "element", value });
      }
    }
    if (paths.length > 0) return { paths, rows };
  }
  return undefined;
}
