import { createHash } from "node:crypto";
import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { type FileRow, place, SeenIds, shown } from "../../files/rows.js";
import type { Mode } from "../benchmark.js";
import { imageStem, QUESTIONS, TASKS } from "./tasks.js";
import { columnsOf, type MmeQuestion } from "./templates.js";

/** An answer with the label that its file carries. */
export interface Answer {
  task: string;
  /** Without the ending of its file. */
  image: string;
  label: "yes" | "no";
  answer: string;
}

/** The questions of a task, found again whatever their order. */
interface Asked {
  byText: ReadonlyMap<string, MmeQuestion>;
  byImage: ReadonlyMap<string, readonly MmeQuestion[]>;
}

/** Reads the lines of MME's answer files, which are named after their tasks. */
export class AnswerReader {
  readonly #tasks: readonly string[];
  readonly #asked: ReadonlyMap<string, Asked>;
  readonly #mode: Mode;
  readonly #seen = new Map<string, SeenIds>();
  readonly #labels = new Map<string, string[]>();
  #from = "";

  /**
   * @param tasks - Those that were answered; files of others are passed over.
   * @param questions - Templates by task, to check the answer files against; some or all may be missing.
   * @param mode - The official script scores what is there, fixed mode wants every question answered.
   */
  constructor(tasks: readonly string[], questions: ReadonlyMap<string, readonly MmeQuestion[]>, mode: Mode) {
    this.#tasks = tasks;
    this.#asked = new Map([...questions].map(([task, ofTask]) => [task, askedOf(ofTask)]));
    this.#mode = mode;
  }

  /**
   * Reads a line.
   *
   * @returns The answer, or null where its task was not chosen.
   * @throws UserError naming line and field.
   */
  read(row: FileRow): Answer | null {
    this.#from = row.file;
    const { file, text } = lineOf(row);
    const task = basename(file).replace(/\.txt$/, "");
    if (!TASKS.includes(task)) {
      throw new UserError(`${row.file}: is no file of an MME task; expected names such as existence.txt and OCR.txt`);
    }
    if (!this.#tasks.includes(task)) return null;
    const columns = columnsOf({ ...row, value: text }, ["image", "question", "label", "answer"]);
    const [name, question, label, answer] = columns as [string, string, string, string];
    const image = imageStem(name);
    const truth = label.toLowerCase();
    if (truth !== "yes" && truth !== "no") {
      throw new UserError(`${place(row)}: field label is ${shown(label)}, expected Yes or No`);
    }
    this.#compare(row, task, { image: name, question, label });
    let seen = this.#seen.get(task);
    if (seen === undefined) this.#seen.set(task, (seen = new SeenIds("question")));
    seen.add(row, keyOf(name, question));
    const labels = this.#labels.get(task) ?? [];
    labels.push(`${keyOf(name, question)}\t${truth}\n`);
    this.#labels.set(task, labels);
    return { task, image, label: truth, answer };
  }

  /**
   * Requires answers to all questions of all tasks.
   *
   * @returns What to say of tasks that were answered in part.
   * @throws UserError naming the task.
   */
  requireAll(): string[] {
    const notes: string[] = [];
    for (const task of this.#tasks) {
      const count = this.#seen.get(task)?.size ?? 0;
      if (count === 0) {
        throw new UserError(
          `${this.#from}: the task ${task} has no answers; add ${task}.txt, ` +
            "or name the tasks that were answered with --option tasks=existence,count",
        );
      }
      const all = this.#asked.get(task)?.byText.size ?? QUESTIONS[task];
      if (count === all) continue;
      const found = `the task ${task} has ${count} answers, MME asks ${all} questions`;
      if (this.#mode === "fixed" || this.#asked.has(task)) {
        const rest = this.#asked.has(task)
          ? ""
          : ", score what is there with --mode strict, or name other questions with --annotations";
        throw new UserError(`${this.#from}: ${found}; answer them all${rest}`);
      }
      notes.push(`${found}: its figures do not stand beside published ones`);
    }
    return notes;
  }

  /** Names the labels, which came with the answers: only results with the same ones compare. Called once, at the end. */
  labelHash(): string {
    const whole = createHash("sha256");
    for (const task of this.#tasks) {
      const hash = createHash("sha256").update((this.#labels.get(task) ?? []).sort().join(""));
      whole.update(`${task} ${hash.digest("hex")}\n`);
    }
    return whole.digest("hex");
  }

  #compare(row: FileRow, task: string, found: Pick<MmeQuestion, "image" | "question" | "label">): void {
    const asked = this.#asked.get(task);
    if (asked === undefined) return;
    const ofImage = asked.byImage.get(imageStem(found.image));
    if (ofImage === undefined) {
      throw new UserError(
        `${place(row)}: field image is ${shown(found.image)}, about which ${task} asks nothing; ` +
          `expected one of its ${asked.byImage.size} images, such as ${[...asked.byImage.values()][0]?.[0]?.image}`,
      );
    }
    const question = asked.byText.get(keyOf(found.image, found.question));
    if (question === undefined) {
      const texts = ofImage.map((each) => shown(each.question)).join(" and ");
      throw new UserError(
        `${place(row)}: field question is ${shown(found.question)}, but about ${found.image} the annotations ask ${texts}; ` +
          "the answers belong to another revision of the questions",
      );
    }
    if (question.label.toLowerCase() === found.label.toLowerCase()) return;
    throw new UserError(
      `${place(row)}: field label is ${shown(found.label)}, but the annotations have ${shown(question.label)}; ` +
        "the answers belong to another revision of the labels",
    );
  }
}

/** A line of a task's file; an answer that was asked for, or came in another layout, names the file beside its line. */
function lineOf({ file, value }: FileRow): { file: string; text: string } {
  if (typeof value === "string") return { file, text: value };
  return value as { file: string; text: string };
}

function askedOf(questions: readonly MmeQuestion[]): Asked {
  const byImage = new Map<string, MmeQuestion[]>();
  for (const question of questions) {
    const stem = imageStem(question.image);
    byImage.set(stem, [...(byImage.get(stem) ?? []), question]);
  }
  return { byText: new Map(questions.map((each) => [keyOf(each.image, each.question), each])), byImage };
}

function keyOf(image: string, question: string): string {
  return `${imageStem(image)}\t${question.trim().replace(/\s+/gu, " ")}`;
}
