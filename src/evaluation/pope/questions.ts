import { basename, join } from "node:path";
import { UserError } from "../../errors.js";
import { idField, place, readJsonLines, SeenIds, shown, textField } from "../../files/rows.js";
import { findFile, requireFile } from "../benchmark-files.js";
import { LABELS, LABELS_REPOSITORY, QUESTIONS, QUESTIONS_REPOSITORY, REVISION, type Split } from "./files.js";

/** A question with its true answer. */
export interface Question {
  split: Split;
  image: string;
  text: string;
  label: "yes" | "no";
}

/** Questions of one or all splits. */
export interface Questions {
  /** Files that were read, as paths. */
  inputs: string[];
  /** By the id that answers use. */
  byId: Map<string, Question>;
  /** Ids that several splits may mean: those of a label file, which every split counts from 1. */
  ambiguous: ReadonlySet<string>;
  /** In the order of the files. */
  ordered: Question[];
}

/**
 * Reads one split by its label file; ids are those of that file.
 *
 * @param annotations - Folder of annotations.
 * @param split - Which.
 * @throws UserError when the file is missing or broken.
 */
export async function readSplit(annotations: string, split: Split): Promise<Questions> {
  const { path, ids, ordered } = await readLabels(annotations, split);
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
export async function readAllSplits(annotations: string): Promise<Questions> {
  const file = await findFile(annotations, QUESTIONS);
  if (file === null) {
    throw new UserError(
      `${join(annotations, QUESTIONS.path)}: no such file; it tells which split a question_id belongs to: ` +
        `get it from ${QUESTIONS_REPOSITORY}, or name the one split that was answered with --option split=random`,
    );
  }
  const labels = Object.fromEntries(
    await Promise.all(Object.keys(LABELS).map(async (split) => [split, await readLabels(annotations, split as Split)])),
  ) as Record<Split, Labels>;
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
      const asked = question === undefined ? "nothing more" : `${shown(question.text)} about ${question.image}`;
      throw new UserError(
        `${place(row)}: field text is ${shown(text)}, but ${basename(labels[split].path)} asks ${asked} there; ` +
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

async function readLabels(annotations: string, split: Split): Promise<Labels> {
  const path = await requireFile(annotations, LABELS[split], LABELS_REPOSITORY);
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
  if (labels.ids.length === 0) throw new UserError(`${path}: is empty, expected ${LABELS[split].holds}`);
  return labels;
}
