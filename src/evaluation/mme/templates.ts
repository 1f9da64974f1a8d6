import { UserError } from "../../errors.js";
import { type FileRow, place, readTextLines, textField } from "../../files/rows.js";
import { annotationTables } from "../annotation-tables.js";
import { findFile } from "../benchmark-files.js";
import { templateFile } from "./tasks.js";

/** A question of MME with its true answer. */
export interface MmeQuestion {
  task: string;
  /** Place within the task, from 1: two consecutive ones make a pair. */
  line: number;
  image: string;
  question: string;
  /** As the file has it. */
  label: string;
}

/**
 * Splits a line of a template or of an answer file.
 *
 * @param row - Its text.
 * @param expected - Names of the columns.
 * @throws UserError when there are too few or too many columns.
 */
export function columnsOf(row: FileRow, expected: readonly string[]): string[] {
  const columns = (row.value as string).split("\t");
  if (columns.length === expected.length) return columns;
  throw new UserError(
    `${place(row)}: found ${columns.length} column(s), expected ${expected.length} with tabs between them: ` +
      expected.join(", "),
  );
}

/**
 * Reads the questions of tasks from MME's evaluation tool.
 *
 * @param annotations - Its folder.
 * @param tasks - Which; those without a file are left out.
 * @returns Files that were read, and questions by task.
 * @throws UserError when a file is broken.
 */
export async function readTemplates(
  annotations: string,
  tasks: readonly string[],
): Promise<{ inputs: string[]; questions: Map<string, MmeQuestion[]> }> {
  const inputs: string[] = [];
  const questions = new Map<string, MmeQuestion[]>();
  const table = await annotationTables(annotations, ["question_id", "question", "answer", "category"]);
  if (table !== undefined) return { inputs: [...table.paths], questions: fromTable(table.rows, tasks) };
  for (const task of tasks) {
    const path = await findFile(annotations, templateFile(task));
    if (path === null) continue;
    inputs.push(path);
    const ofTask: MmeQuestion[] = [];
    for await (const row of readTextLines(path)) {
      // A file of answers serves as well: what stands behind the third column is not looked at.
      const text = (row.value as string).split("\t").slice(0, 3).join("\t");
      const [image, question, label] = columnsOf({ ...row, value: text }, ["image", "question", "label"]) as [
        string,
        string,
        string,
      ];
      ofTask.push({ task, line: row.line, image, question, label });
    }
    questions.set(task, ofTask);
  }
  return { inputs, questions };
}

/**
 * The questions in lmms-lab's copy, whose ids are the paths of images.
 *
 * Source: https://huggingface.co/datasets/lmms-lab/MME
 */
function fromTable(rows: readonly FileRow[], tasks: readonly string[]): Map<string, MmeQuestion[]> {
  const questions = new Map<string, MmeQuestion[]>();
  for (const row of rows) {
    const task = textField(row, "category");
    if (!tasks.includes(task)) continue;
    const ofTask = questions.get(task) ?? [];
    const image = textField(row, "question_id").split("/").at(-1) as string;
    const [question, label] = [textField(row, "question"), textField(row, "answer")];
    ofTask.push({ task, line: ofTask.length + 1, image, question, label });
    questions.set(task, ofTask);
  }
  return questions;
}
