import { UserError } from "../errors.js";

/** A cell and what ends it, by separator. */
const CELLS = {
  ",": /("(?:[^"]|"")*"|[^",\r\n][^,\r\n]*|)(,|\r\n|\n|\r|$)/y,
  "\t": /("(?:[^"]|"")*"|[^"\t\r\n][^\t\r\n]*|)(\t|\r\n|\n|\r|$)/y,
} as const;

/** A row of a CSV file with the line that it begins on, from 1. */
export interface CsvRow {
  line: number;
  cells: string[];
}

/**
 * Reads separated values as RFC 4180 has them: cells in quotation marks may hold separators, line ends and "".
 *
 * @param text - The file's content.
 * @param file - Its name, for messages.
 * @param separator - Between the cells of a row.
 * @returns All rows; empty lines are passed over.
 * @throws UserError when a quotation mark is not closed.
 */
export function csvRows(text: string, file: string, separator: "," | "\t" = ","): CsvRow[] {
  const rows: CsvRow[] = [];
  const cell = CELLS[separator];
  cell.lastIndex = 0;
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  while (cell.lastIndex < text.length || row.cells.length > 0) {
    const match = cell.exec(text);
    if (match === null)
      throw new UserError(`${file} line ${line}: has a quotation mark out of place; download the file again`);
    const [whole, content, end] = match as unknown as [string, string, string];
    row.cells.push(content.startsWith('"') ? content.slice(1, -1).replaceAll('""', '"') : content);
    line += (whole.match(/\r\n|\n|\r/g) ?? []).length;
    if (end === separator) continue;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
    row = { line, cells: [] };
    if (whole === "") break;
  }
  return rows;
}
