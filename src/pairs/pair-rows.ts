import { UserError } from "../errors.js";
import { annotationsOf } from "./annotations.js";
import { pairFault } from "./pair-faults.js";
import { type ObjectAnnotation, PAIR_COLUMNS, type PairRow, SIGNAL_COLUMNS } from "./pair-row.js";
import { pictureFault } from "./picture-bytes.js";
import { type Cell, type Row, streamTable, writeTable } from "./table.js";

/**
 * Writes a pairs file with every column; the file appears only when it is complete.
 * @param path - File to write; its folder is made when missing.
 * @param rows - Rows in the order of the file; only one row group is held at a time.
 */
export async function writePairRows(path: string, rows: AsyncIterable<PairRow> | Iterable<PairRow>): Promise<void> {
  await writeTable(path, PAIR_COLUMNS, cellsOfAll(rows));
}

async function* cellsOfAll(rows: AsyncIterable<PairRow> | Iterable<PairRow>): AsyncGenerator<Row, void, undefined> {
  for await (const row of rows) yield cellsOf(row);
}

/**
 * Reads a pairs file row by row; incomplete pairs are rows like others.
 * @param path - Parquet file with the columns images, prompt and chosen; the others may be missing.
 * @throws UserError that names the file, and the row where one is at fault; ids are not compared with each other.
 */
export async function* streamPairRows(path: string): AsyncGenerator<PairRow, void, undefined> {
  let number = 0;
  for await (const cells of streamTable(path, PAIR_COLUMNS)) {
    yield rowOf(cells, number, path);
    number += 1;
  }
  if (number === 0) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
}

/** A row as cells of {@link PAIR_COLUMNS}. */
export function cellsOf(row: PairRow): Row {
  return {
    id: row.id,
    images: row.images,
    rejected_images: row.rejectedImages,
    prompt: row.prompt,
    chosen: row.chosen,
    rejected: row.rejected,
    kind: row.kind,
    detail: row.detail,
    chosen_word: row.chosenWord,
    rejected_word: row.rejectedWord,
    objects: row.objects,
    rejected_objects: row.rejectedObjects,
    captions: row.captions,
    annotations: row.annotations === null ? null : JSON.stringify(row.annotations),
    images_origin: row.imagesOrigin,
    chosen_origin: row.chosenOrigin,
    rejected_images_origin: row.rejectedImagesOrigin,
    rejected_origin: row.rejectedOrigin,
    source: row.source,
    ...Object.fromEntries(SIGNAL_COLUMNS.map((name) => [name, row.signals[name] ?? null])),
    difficulty: row.difficulty,
    stage: row.stage,
  };
}

function rowOf(cells: Row, number: number, path: string): PairRow {
  const text = (name: string): string | null => cells[name] as string | null;
  const texts = (name: string): readonly string[] | null => cells[name] as readonly string[] | null;
  const id = text("id") ?? `row-${number}`;
  const fail = (found: string, expected: string): never => {
    throw new UserError(`${path}, pair "${id}" (row ${number}): ${found}; ${expected}`);
  };
  const row: PairRow = {
    id,
    images: pictures(cells["images"] ?? null, "images", fail) ?? fail("images is missing", "expected a picture"),
    rejectedImages: pictures(cells["rejected_images"] ?? null, "rejected_images", fail),
    prompt: cells["prompt"] as string,
    chosen: cells["chosen"] as string,
    rejected: text("rejected"),
    kind: text("kind"),
    detail: text("detail"),
    chosenWord: text("chosen_word"),
    rejectedWord: text("rejected_word"),
    objects: texts("objects"),
    rejectedObjects: texts("rejected_objects"),
    captions: texts("captions"),
    annotations: annotations(text("annotations"), fail),
    imagesOrigin: text("images_origin"),
    chosenOrigin: text("chosen_origin"),
    rejectedImagesOrigin: text("rejected_images_origin"),
    rejectedOrigin: text("rejected_origin"),
    source: text("source"),
    signals: Object.fromEntries(
      SIGNAL_COLUMNS.flatMap((name) => {
        const value = cells[name] ?? null;
        return value === null ? [] : [[name, value]];
      }),
    ),
    difficulty: cells["difficulty"] as number | null,
    stage: cells["stage"] as number | null,
  };
  const fault = pairFault(row);
  if (fault !== null) fail(`${fault.field} ${fault.found}`, fault.expected);
  return row;
}

type Fail = (found: string, expected: string) => never;

function pictures(cell: Cell, column: string, fail: Fail): readonly Uint8Array[] | null {
  if (cell === null) return null;
  const list = cell as readonly Uint8Array[];
  const [picture] = list;
  if (picture === undefined || list.length > 1) {
    return fail(`${column} holds ${list.length} pictures`, "expected a list with one picture");
  }
  const fault = pictureFault(picture);
  if (fault !== null) fail(`${column}[0] ${fault}`, "expected a complete PNG, JPEG or WebP file: replace the picture");
  return list;
}

function annotations(text: string | null, fail: Fail): readonly ObjectAnnotation[] | null {
  if (text === null) return null;
  const read = annotationsOf(text);
  return typeof read === "string" ? fail(`annotations ${read}`, "mend the cell") : read;
}
