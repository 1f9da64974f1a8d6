import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { type FileRow, place, readJsonArray, shown } from "../../files/rows.js";
import { openParquet, parquetRows, type RawRow } from "../../pairs/parquet-rows.js";
import { requireFile } from "../benchmark-files.js";
import type { BenchmarkFile } from "../benchmark.js";

/** How a question is answered. */
export type Kind = "yes_no" | "multiple_choice";

/** A question on one of the two images of a group; four make a group, question by question, image by image. */
export interface NaturalItem {
  /** As it is put to a model. */
  prompt: string;
  kind: Kind;
  /** Whether the right answer is yes or A. */
  first: boolean;
  /** File name of the image, undefined where the annotations hold the image itself. */
  image: string | undefined;
}

/** Questions in a group. */
export const GROUP = 4;

/** The list of questions, read where there are no Parquet files. */
export const LIST: BenchmarkFile = {
  path: "test_set.json",
  also: ["dataset_split_for_finetuning/test_set.json"],
  holds: "950 groups that are set aside for fine-tuning, read where there are no Parquet files",
  bytes: 657950,
  sha256: "f4ca78dc9f75cddd5f076b15213e20eacf2c6574a7cefa9a30a8f17b829b3633",
  optional: true,
};
/** Where the files come from. */
export const REPOSITORY =
  "https://huggingface.co/datasets/BaiqiL/NaturalBench and https://github.com/Baiqi-Li/NaturalBench";

const FIRST: Readonly<Record<string, boolean>> = { yes: true, no: false, a: true, b: false };
const KINDS: Readonly<Record<string, Kind>> = {
  yes_no: "yes_no",
  multiple_choice: "multiple_choice",
  mcq: "multiple_choice",
};
const COLUMNS = [
  "Question_0",
  "Question_1",
  "Image_0_Question_0",
  "Image_1_Question_0",
  "Image_0_Question_1",
  "Image_1_Question_1",
  "Question_Type",
];
/** What the official script appends to a question; the list of pairs holds it already. */
const SUFFIXES: Readonly<Record<Kind, string>> = {
  yes_no: "Please answer Yes or No.",
  multiple_choice: "Please output the letter corresponding to the correct option.",
};

/**
 * Reads the annotations of NaturalBench: the list test_set.json, or the Parquet files of the data set.
 *
 * @param folder - That holds either; Parquet files also in its folder `data`.
 * @returns The files and the questions, four a group.
 * @throws UserError when there are none, or malformed ones.
 */
export async function readNatural(folder: string): Promise<{ paths: string[]; items: NaturalItem[] }> {
  const tables = await parquetFiles(folder);
  const paths = tables.length === 0 ? [await requireFile(folder, LIST, REPOSITORY)] : tables;
  const items: NaturalItem[] = [];
  if (tables.length === 0) for await (const row of readJsonArray(paths[0] as string)) items.push(fromList(row));
  for (const table of tables) items.push(...(await fromTable(table)));
  if (items.length === 0 || items.length % GROUP !== 0) {
    throw new UserError(`${paths[0]}: holds ${items.length} questions, expected groups of ${GROUP}; download it again`);
  }
  return { paths, items };
}

async function parquetFiles(folder: string): Promise<string[]> {
  for (const each of [folder, join(folder, "data")]) {
    const names = await readdir(each).catch(() => []);
    const tables = names.filter((name) => name.endsWith(".parquet")).sort();
    if (tables.length > 0) return tables.map((name) => join(each, name));
  }
  return [];
}

async function fromTable(path: string): Promise<NaturalItem[]> {
  // To open a pipe would wait for whoever writes to it.
  if (!(await stat(path)).isFile()) throw new UserError(`${path}: is no file, expected a table of NaturalBench`);
  const rows: RawRow[] = [];
  try {
    for await (const row of parquetRows(await openParquet(path), COLUMNS)) rows.push(row);
  } catch (cause) {
    throw new UserError(`${path}: cannot be read as NaturalBench (${(cause as Error).message}); download it again`);
  }
  return rows.flatMap((value, index) => {
    const row: FileRow = { file: path, line: index + 1, value };
    const kind = kindOf(row, value["Question_Type"]);
    return [0, 1].flatMap((question) =>
      [0, 1].map((image): NaturalItem => {
        const text = value[`Question_${question}`];
        if (typeof text !== "string") throw unlike(row, `Question_${question}`, text, "text");
        const label = value[`Image_${image}_Question_${question}`];
        return { prompt: text + SUFFIXES[kind], kind, first: labelOf(row, label), image: undefined };
      }),
    );
  });
}

function fromList(row: FileRow): NaturalItem {
  const { value } = row;
  if (!Array.isArray(value) || value.length !== 4) {
    throw new UserError(`${place(row)}: found ${shown(value)}, expected question, image, answer and type in a list`);
  }
  const [prompt, image, label, kind] = value as unknown[];
  if (typeof prompt !== "string") throw unlike(row, "question", prompt, "text");
  if (typeof image !== "string") throw unlike(row, "image", image, "text");
  return { prompt, kind: kindOf(row, kind), first: labelOf(row, label), image };
}

function kindOf(row: FileRow, value: unknown): Kind {
  const kind = typeof value === "string" && Object.hasOwn(KINDS, value) ? KINDS[value] : undefined;
  if (kind === undefined) throw unlike(row, "Question_Type", value, "yes_no or multiple_choice");
  return kind;
}

function labelOf(row: FileRow, value: unknown): boolean {
  const key = typeof value === "string" ? value.trim().toLowerCase() : "";
  const first = Object.hasOwn(FIRST, key) ? FIRST[key] : undefined;
  if (first === undefined) throw unlike(row, "answer", value, "Yes, No, A or B");
  return first;
}

function unlike(row: FileRow, name: string, value: unknown, expected: string): UserError {
  return new UserError(
    `${place(row)}: field ${name} is ${shown(value)}, expected ${expected}; download the file again`,
  );
}
