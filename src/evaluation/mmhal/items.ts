import { UserError } from "../../errors.js";
import { field, idField, place, readJsonArray, SeenIds, shown, textField } from "../../files/rows.js";
import { requireFile } from "../benchmark-files.js";
import type { BenchmarkFile } from "../benchmark.js";

/** A question of MMHal-Bench as annotated. */
export interface MmhalItem {
  /** Id of the image; each has one question. */
  id: string;
  /** File name of the image. */
  image: string;
  /** One of the eight types, for example "counting". */
  type: string;
  question: string;
  /** What annotators said is in the image. */
  contents: readonly string[];
  /** Reference answer. */
  reference: string;
}

/** The template that holds the annotations. */
export const TEMPLATE: BenchmarkFile = {
  path: "eval/data/mmhal-bench_answer_template.json",
  also: ["mmhal-bench_answer_template.json", "response_template.json"],
  holds: "questions, reference answers and image contents",
  bytes: 50519,
  sha256: "28ed24e19ffef292597c35f1dad37760b2e0a088b3b40ca3b50f105fc1b951bb",
};
/** Where the files come from. */
export const REPOSITORY = "https://github.com/RLHF-V/RLHF-V";

/**
 * Reads the annotations of MMHal-Bench.
 *
 * @param folder - The user's checkout of RLHF-V, or of the data set on the hub.
 * @returns The file and its questions in order.
 * @throws UserError when the file is missing or malformed.
 */
export async function readMmhal(folder: string): Promise<{ path: string; items: MmhalItem[] }> {
  const path = await requireFile(folder, TEMPLATE, REPOSITORY);
  const items: MmhalItem[] = [];
  const seen = new SeenIds("image_id");
  for await (const row of readJsonArray(path)) {
    const id = idField(row, "image_id");
    seen.add(row, id);
    const contents = field(row, "image_content");
    if (!Array.isArray(contents) || !contents.every((each) => typeof each === "string")) {
      throw new UserError(`${place(row)}: field image_content is ${shown(contents)}, expected a list of texts`);
    }
    items.push({
      id,
      image: textField(row, "image_src").split("/").at(-1) as string,
      type: textField(row, "question_type"),
      question: textField(row, "question"),
      contents,
      reference: textField(row, "gt_answer"),
    });
  }
  if (items.length === 0) throw new UserError(`${path}: holds no questions; download it again`);
  return { path, items };
}
