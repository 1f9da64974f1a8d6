import { UserError } from "../../errors.js";
import { place, SeenIds, shown, textField } from "../../files/rows.js";
import { annotationTables } from "../annotation-tables.js";
import { LABELS, type Split } from "./files.js";
import { type Question, type Questions, splitId } from "./question.js";

const COLUMNS = ["question_id", "question", "answer", "image_source", "category"];

/**
 * Reads all splits from the Parquet files of lmms-lab's copy; ids are those of {@link splitId}.
 *
 * Source: https://huggingface.co/datasets/lmms-lab/POPE
 *
 * @param annotations - Folder of the files, or that above their folder `data`.
 * @returns Undefined where there are none.
 * @throws UserError when a row is not as it should be.
 */
export async function readTable(annotations: string): Promise<Questions | undefined> {
  const tables = await annotationTables(annotations, COLUMNS);
  if (tables === undefined) return undefined;
  const byId = new Map<string, Question>();
  const seen = new SeenIds("question_id");
  for (const row of tables.rows) {
    const [split, label] = [textField(row, "category"), textField(row, "answer").toLowerCase()];
    if (!Object.hasOwn(LABELS, split)) {
      throw new UserError(`${place(row)}: field category is ${shown(split)}, expected random, popular or adversarial`);
    }
    if (label !== "yes" && label !== "no") {
      throw new UserError(`${place(row)}: field answer is ${shown(label)}, expected yes or no`);
    }
    const image = textField(row, "image_source");
    const id = splitId(split as Split, textField(row, "question_id"));
    seen.add(row, id);
    byId.set(id, {
      split: split as Split,
      image: /\.\w+$/.test(image) ? image : `${image}.jpg`,
      text: textField(row, "question"),
      label,
    });
  }
  return { inputs: [...tables.paths], byId, ambiguous: new Set(), ordered: [...byId.values()] };
}
