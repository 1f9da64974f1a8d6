import { UserError } from "../errors.js";
import type { ContrastPair, ContrastPairText } from "./contrast-pair.js";
import { pairFault } from "./pair-faults.js";
import { pictureFault } from "./picture-bytes.js";
import { type Column, readTable, type Row, writeTable } from "./table.js";

const TEXT_COLUMNS: readonly Column[] = [
  { name: "prompt", kind: "string" },
  { name: "chosen", kind: "string" },
  { name: "rejected", kind: "string" },
  { name: "kind", kind: "string", optional: true },
  { name: "detail", kind: "string", optional: true },
  { name: "chosen_word", kind: "string", optional: true },
  { name: "rejected_word", kind: "string", optional: true },
  { name: "objects", kind: "strings", optional: true },
  { name: "rejected_objects", kind: "strings", optional: true },
  { name: "difficulty", kind: "double", optional: true },
  { name: "stage", kind: "int32", optional: true },
];
const ID_COLUMN: Column = { name: "id", kind: "string", optional: true };
const IMAGE_COLUMNS: readonly Column[] = [
  { name: "images", kind: "images" },
  { name: "rejected_images", kind: "images" },
];

/**
 * Writes contrast pairs to a Parquet file.
 * @param path - File to write.
 * @param pairs - Pairs in the order of the file.
 */
export async function writePairs(path: string, pairs: Iterable<ContrastPair>): Promise<void> {
  await writeTable(path, [ID_COLUMN, ...IMAGE_COLUMNS, ...TEXT_COLUMNS], rowsOf(pairs));
}

function* rowsOf(pairs: Iterable<ContrastPair>): Generator<Row> {
  for (const pair of pairs) {
    const { rejectedImages, chosenWord, rejectedWord, rejectedObjects, ...same } = pair;
    yield {
      ...same,
      rejected_images: rejectedImages,
      chosen_word: chosenWord,
      rejected_word: rejectedWord,
      rejected_objects: rejectedObjects,
    };
  }
}

/**
 * Reads and checks contrast pairs.
 * @param path - Parquet file with the columns images, rejected_images, prompt, chosen and rejected; the others may be missing.
 * @param options - `images`: whether to read the pictures too; without them their bytes are not checked.
 * @returns One pair a row, in the order of the file.
 * @throws UserError that names the file, and the row where one is at fault.
 */
export async function readPairs(path: string, options: { images: true }): Promise<ContrastPair[]>;
export async function readPairs(path: string, options: { images: false }): Promise<ContrastPairText[]>;
export async function readPairs(path: string, options: { images: boolean }): Promise<ContrastPairText[]> {
  const rows = await readTable(path, [ID_COLUMN, ...TEXT_COLUMNS, ...(options.images ? IMAGE_COLUMNS : [])]);
  if (rows.length === 0) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
  const ids = new Map<string, number>();
  return rows.map((cells, row) => {
    const pair = textOf(cells, row);
    const fail = (found: string, expected: string): never => {
      throw new UserError(`${path}, pair "${pair.id}" (row ${row}): ${found}; ${expected}`);
    };
    const earlier = ids.get(pair.id);
    if (earlier !== undefined) fail(`id already used by row ${earlier}`, "expected ids to differ: rename one");
    ids.set(pair.id, row);
    const fault = pairFault(pair);
    if (fault !== null) fail(`${fault.field} ${fault.found}`, fault.expected);
    if (!options.images) return pair;
    const images = onePicture(cells, "images", fail);
    const rejectedImages = onePicture(cells, "rejected_images", fail);
    return { ...pair, images, rejectedImages };
  });
}

function textOf(cells: Row, row: number): ContrastPairText {
  return {
    id: (cells["id"] as string | null) ?? `row-${row}`,
    prompt: cells["prompt"] as string,
    chosen: cells["chosen"] as string,
    rejected: cells["rejected"] as string,
    kind: cells["kind"] as string | null,
    detail: cells["detail"] as string | null,
    chosenWord: cells["chosen_word"] as string | null,
    rejectedWord: cells["rejected_word"] as string | null,
    objects: cells["objects"] as string[] | null,
    rejectedObjects: cells["rejected_objects"] as string[] | null,
    difficulty: cells["difficulty"] as number | null,
    stage: cells["stage"] as number | null,
  };
}

type Fail = (found: string, expected: string) => never;

function onePicture(cells: Row, column: string, fail: Fail): Uint8Array[] {
  const pictures = cells[column] as Uint8Array[];
  if (pictures.length !== 1) fail(`${column} holds ${pictures.length} pictures`, "expected a list with one picture");
  const fault = pictureFault(pictures[0] as Uint8Array);
  if (fault !== null) fail(`${column}[0] ${fault}`, "expected a complete PNG, JPEG or WebP file: replace the picture");
  return pictures;
}
