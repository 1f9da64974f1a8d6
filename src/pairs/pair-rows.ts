import { UserError } from "../errors.js";
import { annotationsOf } from "./annotations.js";
import { extraFieldsOf } from "./extra-fields.js";
import type { ContrastPair, ContrastPairText, TruthSource } from "./contrast-pair.js";
import { pairFault } from "./pair-faults.js";
import {
  CONTRAST_COLUMNS,
  type ExtraFields,
  type ObjectAnnotation,
  PAIR_COLUMNS,
  type PairRow,
  SIGNAL_COLUMNS,
} from "./pair-row.js";
import { imageFault } from "./image-bytes.js";
import { type Cell, type Column, type Row, streamTable, writeTable } from "./table.js";

/**
 * Writes contrast pairs to a Parquet file.
 * @param path - File to write.
 * @param pairs - Pairs in the order of the file.
 */
export async function writePairs(path: string, pairs: Iterable<ContrastPair>): Promise<void> {
  await writeTable(path, CONTRAST_COLUMNS, cellsOfAll(pairs, contrastCellsOf));
}

/**
 * Writes a pairs file with every column; the file appears only when it is complete.
 * @param path - File to write; its folder is made when missing.
 * @param rows - Rows in the order of the file; only one row group is held at a time.
 * @param own - Columns of the user's own that the rows hold.
 */
export async function writePairRows(
  path: string,
  rows: AsyncIterable<PairRow> | Iterable<PairRow>,
  own: readonly Column[] = [],
): Promise<void> {
  await writeTable(path, [...PAIR_COLUMNS, ...own], cellsOfAll(rows, cellsOf));
}

async function* cellsOfAll<Pair>(
  pairs: AsyncIterable<Pair> | Iterable<Pair>,
  cells: (pair: Pair) => Row,
): AsyncGenerator<Row, void, undefined> {
  for await (const pair of pairs) yield cells(pair);
}

/**
 * Reads and checks contrast pairs.
 * @param path - Parquet file with the columns images, rejected_images, prompt, chosen and rejected; the others may be missing.
 * @param options - `images`: whether to read the images too; without them their bytes are not checked.
 * @returns One pair a row, in the order of the file.
 * @throws UserError that names the file, and the row where one is at fault.
 */
export async function readPairs(path: string, options: { images: true }): Promise<ContrastPair[]>;
export async function readPairs(path: string, options: { images: false }): Promise<ContrastPairText[]>;
export async function readPairs(path: string, { images }: { images: boolean }): Promise<ContrastPairText[]> {
  const columns = CONTRAST_COLUMNS.filter(({ kind }) => images || kind !== "images");
  const rows = new Map<string, number>();
  const pairs: ContrastPairText[] = [];
  for await (const { text, cells, fail } of checkedRows(path, columns)) {
    const earlier = rows.get(text.id);
    if (earlier !== undefined) fail(`id already used by row ${earlier}`, "expected ids to differ: rename one");
    rows.set(text.id, pairs.length);
    // The reader of the table takes no empty cell for a rejected text here.
    const pair = text as ContrastPairText;
    pairs.push(images ? { ...pair, ...imagesOf(cells, fail) } : pair);
  }
  return pairs;
}

/**
 * Reads a pairs file row by row; incomplete pairs are rows like others.
 * @param path - Parquet file with the columns images, prompt and chosen; the others may be missing.
 * @param own - Columns of the user's own that the rows shall hold.
 * @param images - `any`: bytes that are no whole image file are no error.
 * @throws UserError that names the file, and the row where one is at fault; ids are not compared with each other.
 */
export async function* streamPairRows(
  path: string,
  own: readonly Column[] = [],
  images: "whole" | "any" = "whole",
): AsyncGenerator<PairRow, void, undefined> {
  for await (const { text, cells, fail } of checkedRows(path, [...PAIR_COLUMNS, ...own])) {
    const row: PairRow = { ...text, ...imagesOf(cells, fail, images), ...restOf(cells, fail) };
    yield own.length === 0
      ? row
      : { ...row, own: Object.fromEntries(own.map(({ name }) => [name, cells[name] ?? null])) };
  }
}

/** A row as cells of {@link PAIR_COLUMNS}. */
export function cellsOf(row: PairRow): Row {
  return {
    ...contrastCellsOf(row),
    captions: row.captions,
    annotations: row.annotations === null ? null : JSON.stringify(row.annotations),
    images_origin: row.imagesOrigin,
    chosen_origin: row.chosenOrigin,
    rejected_images_origin: row.rejectedImagesOrigin,
    rejected_origin: row.rejectedOrigin,
    source: row.source,
    extra: row.extra === null ? null : JSON.stringify(row.extra),
    ...row.own,
    ...Object.fromEntries(SIGNAL_COLUMNS.map((name) => [name, row.signals[name] ?? null])),
  };
}

/** What a pair says, whose rejected text may still have to be made. */
type PairText = Pick<PairRow, keyof ContrastPairText>;
type Images = Pick<PairRow, "images" | "rejectedImages">;

function contrastCellsOf(row: PairText & Images): Row {
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
    rejected_true: row.rejectedTrue,
    rejected_true_by: row.rejectedTrueBy,
    difficulty: row.difficulty,
    stage: row.stage,
  };
}

/** A row whose texts and numbers are as they must be. */
export interface CheckedRow {
  readonly text: PairText;
  readonly cells: Row;
  /** Says what else is wrong with the row. */
  readonly fail: Fail;
}

/**
 * The rows of a file, whose texts and numbers are looked at.
 * @param path - File to read; named in every error.
 * @param columns - Columns wanted.
 * @throws UserError that names the row at fault; pictures and ids are not looked at.
 */
export async function* checkedRows(
  path: string,
  columns: readonly Column[],
): AsyncGenerator<CheckedRow, void, undefined> {
  let row = 0;
  for await (const cells of streamTable(path, columns)) {
    const text = textOf(cells, row);
    const place = `${path}, pair "${text.id}" (row ${row})`;
    const fail: Fail = (found, expected) => {
      throw new UserError(`${place}: ${found}; ${expected}`);
    };
    const fault = pairFault(text);
    if (fault !== null) fail(`${fault.field} ${fault.found}`, fault.expected);
    yield { text, cells, fail };
    row += 1;
  }
  if (row === 0) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
}

function textOf(cells: Row, row: number): PairText {
  return {
    id: (cells["id"] as string | null) ?? `row-${row}`,
    prompt: cells["prompt"] as string,
    chosen: cells["chosen"] as string,
    rejected: cells["rejected"] as string | null,
    kind: cells["kind"] as string | null,
    detail: cells["detail"] as string | null,
    chosenWord: cells["chosen_word"] as string | null,
    rejectedWord: cells["rejected_word"] as string | null,
    objects: cells["objects"] as string[] | null,
    rejectedObjects: cells["rejected_objects"] as string[] | null,
    rejectedTrue: cells["rejected_true"] as boolean | null,
    rejectedTrueBy: cells["rejected_true_by"] as TruthSource | null,
    difficulty: cells["difficulty"] as number | null,
    stage: cells["stage"] as number | null,
  };
}

function restOf(cells: Row, fail: Fail): Omit<PairRow, keyof ContrastPair> {
  const text = (name: string): string | null => cells[name] as string | null;
  return {
    captions: cells["captions"] as string[] | null,
    annotations: annotations(text("annotations"), fail),
    imagesOrigin: text("images_origin"),
    chosenOrigin: text("chosen_origin"),
    rejectedImagesOrigin: text("rejected_images_origin"),
    rejectedOrigin: text("rejected_origin"),
    source: text("source"),
    extra: extra(text("extra"), fail),
    signals: Object.fromEntries(
      SIGNAL_COLUMNS.flatMap((name) => {
        const value = cells[name] ?? null;
        return value === null ? [] : [[name, value]];
      }),
    ),
  };
}

type Fail = (found: string, expected: string) => never;

function imagesOf(cells: Row, fail: Fail, wanted: "whole" | "any" = "whole"): Images {
  const of = (column: string): readonly Uint8Array[] | null => imagesIn(cells[column] ?? null, column, fail, wanted);
  const images = of("images") ?? fail("images is missing", "expected a picture");
  const rejectedImages = of("rejected_images");
  if (rejectedImages !== null && rejectedImages.length !== images.length) {
    fail(`rejected_images holds ${rejectedImages.length} pictures`, `expected ${images.length}, as images has`);
  }
  return { images, rejectedImages };
}

function imagesIn(cell: Cell, column: string, fail: Fail, wanted: "whole" | "any"): readonly Uint8Array[] | null {
  if (cell === null) return null;
  const list = cell as readonly Uint8Array[];
  if (list.length === 0) return fail(`${column} holds 0 pictures`, "expected a list with one picture or several");
  if (wanted === "any") return list;
  for (const [at, image] of list.entries()) {
    const fault = imageFault(image);
    if (fault === null) continue;
    fail(`${column}[${at}] ${fault}`, "expected a complete PNG, JPEG or WebP file: replace the picture");
  }
  return list;
}

function extra(text: string | null, fail: Fail): ExtraFields | null {
  if (text === null) return null;
  const read = extraFieldsOf(text);
  return typeof read === "string" ? fail(`extra ${read}`, "mend the cell") : read;
}

function annotations(text: string | null, fail: Fail): readonly ObjectAnnotation[] | null {
  if (text === null) return null;
  const read = annotationsOf(text);
  return typeof read === "string" ? fail(`annotations ${read}`, "mend the cell") : read;
}
