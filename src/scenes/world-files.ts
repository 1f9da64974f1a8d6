import { UserError } from "../errors.js";
import { readTable, writeTable, type Column, type Row } from "../pairs/table.js";
import { sampleBaseScene } from "./base-scenes.js";
import { renderScene } from "./render.js";
import { evaluationLayouts } from "./evaluation-scenes.js";
import { type Kind, KINDS } from "./kinds.js";
import { absentCompanions } from "./objects.js";
import { checkCountAndSeed } from "./count-and-seed.js";
import { inParallel } from "./parallel.js";
import { type Question, QUESTION_KINDS } from "./questions.js";
import { CELLS, differentNames, namesOf, type Scene } from "./scene.js";

/** Hears how many rows of a file are done. */
export type OnProgress = (done: number, total: number) => void;

/** One scene of an evaluation file. */
export interface EvaluationScene {
  /** Row in its file, from 0. */
  readonly row: number;
  readonly id: string;
  /** Names of the objects in the image, in reading order; one that appears twice is listed twice. */
  readonly objects: readonly string[];
  /** Usual companions of the present objects that the image lacks. */
  readonly companions: readonly string[];
  readonly questions: readonly Question[];
  /** Bytes of the PNG image. */
  readonly image: Uint8Array;
}

const QUESTION_COLUMNS: readonly Column[] = [
  { name: "questions", kind: "strings" },
  { name: "answers", kind: "strings" },
  // What each question asks for.
  { name: "kinds", kind: "strings" },
];

const BASE_COLUMNS: readonly Column[] = [
  { name: "id", kind: "string" },
  { name: "image", kind: "image" },
  { name: "objects", kind: "strings" },
  // What each cell of the grid holds, and the colour of its tile; an empty text means nothing.
  { name: "cells", kind: "strings" },
  { name: "tiles", kind: "strings" },
  { name: "caption", kind: "string" },
  ...QUESTION_COLUMNS,
];

const EVALUATION_COLUMNS: readonly Column[] = [
  { name: "id", kind: "string" },
  { name: "image", kind: "image" },
  { name: "objects", kind: "strings" },
  { name: "companions", kind: "strings" },
  ...QUESTION_COLUMNS,
];

// Layouts do not repeat within a set, and the validation split owns only some twenty thousand.
const MOST_EVALUATION_SCENES = 10_000;

/**
 * Writes the scenes that the base model learns from; captions carry the habit, answers are true.
 * @param path - Parquet file to write.
 * @param options - `count` scenes from `seed`; a longer set starts with the shorter one. `kinds` of facts in the world.
 * @throws UserError when count or seed is no whole number in range.
 */
export async function writeBaseScenes(
  path: string,
  options: { count: number; seed: number; kinds?: readonly Kind[]; onProgress?: OnProgress },
): Promise<void> {
  const { count, seed, kinds = KINDS, onProgress } = options;
  checkCountAndSeed({ count, seed });
  const rows = inParallel(count, async (index): Promise<Row> => {
    const { scene, caption, questions } = sampleBaseScene(seed, index, kinds);
    return {
      id: `base-${seed}-${String(index).padStart(5, "0")}`,
      image: await renderScene(scene),
      objects: namesOf(scene),
      cells: inCells(scene, ({ name }) => name),
      tiles: inCells(scene, ({ tile }) => tile ?? ""),
      caption,
      ...questionCells(questions),
    };
  });
  await writeTable(path, BASE_COLUMNS, withProgress(rows, count, onProgress));
}

/**
 * Writes a fixed evaluation set.
 * @param path - Parquet file to write.
 * @param options - Which `split`, and how many scenes of it, at most 10,000. `kinds` of facts in the world.
 * @throws UserError when count is out of range.
 */
export async function writeEvaluationScenes(
  path: string,
  options: { split: "validation" | "test"; count: number; kinds?: readonly Kind[]; onProgress?: OnProgress },
): Promise<void> {
  const { split, count, kinds = KINDS, onProgress } = options;
  checkCountAndSeed({ count, most: MOST_EVALUATION_SCENES });
  const layouts = [...evaluationLayouts(split, count, kinds)];
  const rows = inParallel(layouts.length, async (index): Promise<Row> => {
    const { scene, questions } = layouts[index] as (typeof layouts)[number];
    return {
      id: `${split}-${String(index).padStart(5, "0")}`,
      image: await renderScene(scene),
      objects: namesOf(scene),
      companions: absentCompanions(differentNames(scene)),
      ...questionCells(questions),
    };
  });
  await writeTable(path, EVALUATION_COLUMNS, withProgress(rows, count, onProgress));
}

/**
 * Reads an evaluation set.
 * @param path - A file that writeEvaluationScenes wrote.
 * @throws UserError when the file is missing, damaged, empty or not an evaluation set.
 */
export async function readEvaluationScenes(path: string): Promise<EvaluationScene[]> {
  const table = await readTable(path, EVALUATION_COLUMNS);
  if (table.length === 0) throw new UserError(`${path} holds no scenes; expected at least one: draw it again`);
  return table.map((cells, row) => {
    const id = cells["id"] as string;
    const answers = cells["answers"] as string[];
    const kinds = cells["kinds"] as string[];
    const questions = (cells["questions"] as string[]).map((text, index): Question => {
      const answer = answers[index];
      const named = kinds[index];
      const kind = QUESTION_KINDS.find((each) => each === named);
      if (kind === undefined || (answer !== "Yes." && answer !== "No.")) {
        throw new UserError(
          `${path}, scene "${id}" (row ${row}): found question "${text}" of kind "${named}" with answer ` +
            `"${answer}", expected one of ${QUESTION_KINDS.join(", ")} with "Yes." or "No."; draw the file again`,
        );
      }
      return { text, answer, kind };
    });
    return {
      row,
      id,
      objects: cells["objects"] as string[],
      companions: cells["companions"] as string[],
      questions,
      image: cells["image"] as Uint8Array,
    };
  });
}

function questionCells(questions: readonly Question[]): Row {
  return {
    questions: questions.map(({ text }) => text),
    answers: questions.map(({ answer }) => answer),
    kinds: questions.map(({ kind }) => kind),
  };
}

function inCells(scene: Scene, tell: (object: Scene["objects"][number]) => string): string[] {
  return CELLS.map((cell) => {
    const object = scene.objects.find((each) => each.cell === cell);
    return object === undefined ? "" : tell(object);
  });
}

async function* withProgress<T>(rows: AsyncIterable<T>, total: number, onProgress?: OnProgress): AsyncGenerator<T> {
  let done = 0;
  for await (const row of rows) {
    yield row;
    onProgress?.(++done, total);
  }
}
