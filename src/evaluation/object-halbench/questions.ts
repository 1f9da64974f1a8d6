import { UserError } from "../../errors.js";
import { type FileRow, idField, place, readJsonLines, textField } from "../../files/rows.js";
import type { BenchmarkFile } from "../benchmark.js";

/** The questions. */
export const QUESTIONS: BenchmarkFile = {
  path: "eval/data/obj_halbench_300_with_image.jsonl",
  also: ["obj_halbench_300_with_image.jsonl"],
  holds: "questions with images; needed to ask a model, and to score answers without image_id",
  optional: true,
};
/** A question about an image. */
export interface Question {
  image: string;
  question: string;
}

/**
 * Reads the questions.
 *
 * @param path - Of the file, null where there is none.
 * @throws UserError when it is malformed.
 */
export async function readQuestions(path: string | null): Promise<Question[] | undefined> {
  if (path === null) return undefined;
  const questions: Question[] = [];
  for await (const row of readJsonLines(path)) {
    questions.push({ image: imageId(row), question: textField(row, "question") });
  }
  return questions;
}

/**
 * Takes the image's number without leading zeros, also where it stands in a file name.
 *
 * @throws UserError when there is none.
 */
export function imageId(row: FileRow): string {
  const id = idField(row, "image_id");
  const digits = /(\d+)(?:\.\w+)?$/.exec(id)?.[1];
  if (digits !== undefined) return String(Number(digits));
  throw new UserError(`${place(row)}: field image_id is ${JSON.stringify(id)}, expected the number of a COCO image`);
}
