import { UserError } from "../../errors.js";
import { parquetColumns, parquetSource, withDuckDB } from "../duckdb.js";

/**
 * Rows of a pairs file of which a condition is true.
 *
 * @param pairs - The file.
 * @param out - What the question is for; DuckDB spills beside it.
 * @param condition - An expression of DuckDB that is true or false, on the columns of the file.
 * @throws UserError when it is none, or names a column that is missing.
 */
export function rowsWhere(
  pairs: string,
  out: string,
  condition: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<number>> {
  return withDuckDB(out, { signal }, async (connection) => {
    const columns = await parquetColumns(connection, pairs);
    columns.delete("file_row_number");
    try {
      // The brackets stand on lines of their own, so that a comment in the condition ends before them.
      const read = await connection.runAndReadAll(
        `select file_row_number from ${parquetSource(pairs)} where (\n${condition}\n)::boolean`,
      );
      return new Set(read.getRows().map(([row]) => Number(row)));
    } catch (error) {
      const reason = (error as Error).message.split("\n")[0]?.trim() ?? "";
      throw new UserError(
        `--where: ${condition} is no condition on ${pairs} (${reason}); expected one of DuckDB on its columns: ` +
          [...columns.keys()].join(", "),
      );
    }
  });
}
