import { UserError } from "../../errors.js";
import { type FileRow, field, idField, place, readJsonArray, SeenIds, shown, textField } from "../../files/rows.js";
import { requireFile } from "../benchmark-files.js";
import type { BenchmarkFile } from "../benchmark.js";

/** A question of HallusionBench as annotated. */
export interface HallusionItem {
  /** Category, subcategory, set, figure and question, joined by "_". */
  id: string;
  /** The set that the question belongs to: variants of one figure, with one text of each question for all. */
  set: string;
  /** The figure within the benchmark. */
  figure: string;
  /** The same question over all figures of a set. */
  pair: string;
  /** VD: cannot be answered without the image; VS: the image supplements what is known. */
  category: "VD" | "VS";
  /** Whether it is about the original image, or about none for VS. */
  original: boolean;
  /** 0: without an image; 1: with an original one; 2: with an edited one. */
  visual: 0 | 1 | 2;
  question: string;
  /** Reference answer in a sentence. */
  reference: string;
  /** Whether the right answer is yes. */
  yes: boolean;
  /** Path of the image within the benchmark's folder, empty for none. */
  image: string;
}

/** The annotations. */
export const QUESTIONS: BenchmarkFile = {
  path: "HallusionBench.json",
  holds: "1,129 questions with labels and reference answers",
  bytes: 431987,
  sha256: "ca6e0fb677dd56e5fb0e2700d06c58d01f8a6ae66e0f1773b2ac48c0a095d051",
};
/** Where they come from. */
export const REPOSITORY = "https://github.com/tianyi-lab/HallusionBench";

/** Names of the parts of an id, as files of the benchmark call them. */
export const ID_FIELDS = ["category", "subcategory", "set_id", "figure_id", "question_id"] as const;

/**
 * Takes the id of a question from the fields that it is made of.
 *
 * @param row - Of the annotations or of an answer file.
 * @throws UserError when a field is missing.
 */
export function hallusionId(row: FileRow): string {
  return ID_FIELDS.map((name) => idField(row, name)).join("_");
}

/**
 * Reads the annotations of HallusionBench.
 *
 * @param folder - The user's checkout.
 * @returns The file and its questions in order.
 * @throws UserError when the file is missing or malformed.
 */
export async function readHallusion(folder: string): Promise<{ path: string; items: HallusionItem[] }> {
  const path = await requireFile(folder, QUESTIONS, REPOSITORY);
  const items: HallusionItem[] = [];
  const seen = new SeenIds("question_id");
  for await (const row of readJsonArray(path)) {
    const item = itemOf(row);
    seen.add(row, item.id);
    items.push(item);
  }
  if (items.length === 0) throw new UserError(`${path}: holds no questions; download it again`);
  const originals = new Set(items.filter((item) => item.original).map((item) => item.pair));
  const orphan = items.find((item) => !originals.has(item.pair));
  if (orphan !== undefined)
    throw new UserError(`${path}: question ${orphan.id} lacks its original, figure 0; download it again`);
  return { path, items };
}

function itemOf(row: FileRow): HallusionItem {
  const category = oneOf(row, "category", ["VD", "VS"]);
  const [subcategory, set, figure, question] = ID_FIELDS.slice(1).map((name) => idField(row, name)) as [
    string,
    string,
    string,
    string,
  ];
  const file = field(row, "filename");
  return {
    id: hallusionId(row),
    set: [category, subcategory, set].join("_"),
    figure: [category, subcategory, set, figure].join("_"),
    pair: [category, subcategory, set, question].join("_"),
    category,
    original: figure === "0",
    visual: Number(oneOf(row, "visual_input", ["0", "1", "2"])) as 0 | 1 | 2,
    question: textField(row, "question"),
    reference: textField(row, "gt_answer_details"),
    yes: oneOf(row, "gt_answer", ["0", "1"]) === "1",
    image: typeof file === "string" ? file.replace(/^\.\//, "") : "",
  };
}

function oneOf<T extends string>(row: FileRow, name: string, values: readonly T[]): T {
  const text = idField(row, name);
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw new UserError(`${place(row)}: field ${name} is ${shown(text)}, expected ${values.join(" or ")}`);
}
