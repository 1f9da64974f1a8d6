import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { idField, place, readJsonLines, SeenIds, shown, shownApart, textField } from "../../files/rows.js";
import { findFile, requireFile } from "../benchmark-files.js";
import {
  type Dataset,
  labelFile,
  LABELS,
  LABELS_REPOSITORY,
  QUESTIONS,
  QUESTIONS_REPOSITORY,
  REVISION,
  type Split,
} from "./files.js";
import { type Question, type Questions, splitId } from "./question.js";
import { readTable } from "./table.js";

const SPLITS = Object.keys(LABELS) as Split[];

/**
 * Reads the questions that a file may answer: those of one split, all by LLaVA's question file, all by the label files,
 * or all by lmms-lab's Parquet files.
 *
 * @param annotations - Folder of annotations.
 * @param split - The one that was answered; all where undefined.
 * @param dataset - Whose images are asked about.
 * @throws UserError when files are missing or broken.
 */
export async function readQuestions(
  annotations: string,
  split: Split | undefined,
  dataset: Dataset,
): Promise<Questions> {
  const table = dataset === "coco" ? await tableWithoutLabels(annotations) : undefined;
  if (table !== undefined) return split === undefined ? table : ofSplit(table, split);
  if (split !== undefined) return readSplit(annotations, split, dataset);
  if (dataset === "coco" && (await findFile(annotations, QUESTIONS)) !== null) return readAllSplits(annotations);
  const all = await readAllLabels(annotations, dataset);
  const byId = new Map<string, Question>();
  for (const { ids, ordered } of all) {
    ordered.forEach((question, at) => byId.set(splitId(question.split, ids[at] as string), question));
  }
  return {
    inputs: all.map(({ path }) => path),
    byId,
    ambiguous: new Set(),
    ordered: all.flatMap(({ ordered }) => ordered),
  };
}

/** lmms-lab's files, unless the official ones lie there. */
async function tableWithoutLabels(annotations: string): Promise<Questions | undefined> {
  for (const file of Object.values(LABELS)) if ((await findFile(annotations, file)) !== null) return undefined;
  return readTable(annotations);
}

function ofSplit(table: Questions, split: Split): Questions {
  const byId = new Map<string, Question>();
  for (const [id, question] of table.byId) if (question.split === split) byId.set(id.slice(split.length + 1), question);
  return { ...table, byId, ordered: [...byId.values()] };
}

/** One after the other, so that the first missing file is named whichever disk is quick. */
async function readAllLabels(annotations: string, dataset: Dataset): Promise<Labels[]> {
  const labels: Labels[] = [];
  for (const split of SPLITS) labels.push(await readLabels(annotations, split, dataset));
  return labels;
}

/**
 * Reads one split by its label file; ids are those of that file.
 *
 * @param annotations - Folder of annotations.
 * @param split - Which.
 * @throws UserError when the file is missing or broken.
 */
async function readSplit(annotations: string, split: Split, dataset: Dataset): Promise<Questions> {
  const { path, ids, ordered } = await readLabels(annotations, split, dataset);
  const byId = new Map(ordered.map((question, at) => [ids[at] as string, question]));
  return { inputs: [path], byId, ambiguous: new Set(), ordered };
}

/**
 * Reads all splits by LLaVA's question file, whose ids tell the splits apart. The k-th question of a split is the k-th
 * of its label file, which is checked: of the labels two revisions circulate.
 *
 * @param annotations - Folder of annotations.
 * @throws UserError when a file is missing or broken, or the question file belongs to other labels.
 */
async function readAllSplits(annotations: string): Promise<Questions> {
  const file = await requireFile(annotations, QUESTIONS, QUESTIONS_REPOSITORY);
  const all = await readAllLabels(annotations, "coco");
  const labels = Object.fromEntries(SPLITS.map((split, at) => [split, all[at]])) as Record<Split, Labels>;
  const byId = new Map<string, Question>();
  const ordered: Question[] = [];
  const next: Record<Split, number> = { random: 0, popular: 0, adversarial: 0 };
  const seen = new SeenIds("question_id");
  for await (const row of readJsonLines(file)) {
    const split = textField(row, "category");
    if (!isSplit(split)) {
      throw new UserError(`${place(row)}: field category is ${shown(split)}, expected random, popular or adversarial`);
    }
    const id = idField(row, "question_id");
    seen.add(row, id);
    const question = labels[split].ordered[next[split]++];
    const text = textField(row, "text");
    if (question === undefined || textField(row, "image") !== question.image || !text.startsWith(question.text)) {
      const [found, expected] = shownApart(text, question?.text ?? "");
      const asked = question === undefined ? "nothing more" : `${expected} about ${question.image}`;
      throw new UserError(
        `${place(row)}: field text is ${found}, but ${basename(labels[split].path)} asks ${asked} there; ` +
          `the questions belong to the labels of revision ${REVISION}, get both from one revision`,
      );
    }
    byId.set(id, question);
    ordered.push(question);
  }
  for (const [split, { path, ordered }] of Object.entries(labels)) {
    if (next[split as Split] < ordered.length) {
      throw new UserError(
        `${path}: holds ${ordered.length} questions, but ${basename(file)} ${next[split as Split]} of this split; ` +
          `the questions belong to the labels of revision ${REVISION}, get both from one revision`,
      );
    }
  }
  const inputs = [file, ...Object.values(labels).map(({ path }) => path)];
  return { inputs, byId, ambiguous: new Set(Object.values(labels).flatMap(({ ids }) => ids)), ordered };
}

/** Whether a text names a split. */
export function isSplit(text: string): text is Split {
  return Object.hasOwn(LABELS, text);
}

interface Labels {
  path: string;
  ids: string[];
  ordered: Question[];
}

async function readLabels(annotations: string, split: Split, dataset: Dataset): Promise<Labels> {
  const file = labelFile(dataset, split);
  const path = await requireFile(annotations, file, LABELS_REPOSITORY);
  const labels: Labels = { path, ids: [], ordered: [] };
  const seen = new SeenIds("question_id");
  for await (const row of readJsonLines(path)) {
    const id = idField(row, "question_id");
    seen.add(row, id);
    const label = textField(row, "label");
    if (label !== "yes" && label !== "no") {
      throw new UserError(`${place(row)}: field label is ${shown(label)}, expected yes or no`);
    }
    labels.ids.push(id);
    labels.ordered.push({ split, image: textField(row, "image"), text: textField(row, "text"), label });
  }
  if (labels.ids.length === 0) throw new UserError(`${path}: is empty, expected ${file.holds}`);
  return labels;
}
