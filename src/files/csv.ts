import { UserError } from "../errors.js";

/** A row of a CSV file with the line that it begins on, from 1. */
export interface CsvRow {
  line: number;
  cells: string[];
}

/**
 * Reads comma-separated values as RFC 4180 has them: cells in quotation marks may hold commas, line ends and "".
 *
 * @param text - The file's content.
 * @param file - Its name, for messages.
 * @returns All rows; empty lines are passed over.
 * @throws UserError when a quotation mark is not closed.
 */
export function csvRows(text: string, file: string): CsvRow[] {
  const rows: CsvRow[] = [];
  const cell = /("(?:[^"]|"")*"|[^",\r\n][^,\r\n]*|)(,|\r\n|\n|\r|$)/y;
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  while (cell.lastIndex < text.length || row.cells.length > 0) {
    const match = cell.exec(text);
    if (match === null)
      throw new UserError(`${file} line ${line}: has a quotation mark out of place; download the file again`);
    const [whole, content, end] = match as unknown as [string, string, string];
    row.cells.push(content.startsWith('"') ? content.slice(1, -1).replaceAll('""', '"') : content);
    line += (whole.match(/\r\n|\n|\r/g) ?? []).length;
    if (end === ",") continue;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
    row = { line, cells: [] };
    if (whole === "") break;
  }
  return rows;
}
