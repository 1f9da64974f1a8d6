import { createHash, type Hash } from "node:crypto";
import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";
import { TASKS } from "./tasks.js";
import { columnsOf, type MmeQuestion } from "./templates.js";

/** An answer with the label that its file carries. */
export interface Answer {
  task: string;
  image: string;
  label: "yes" | "no";
  answer: string;
}

/** Reads the lines of MME's answer files, which are named after their tasks. */
export class AnswerReader {
  readonly #tasks: readonly string[];
  readonly #questions: ReadonlyMap<string, readonly MmeQuestion[]>;
  readonly #counts = new Map<string, number>();
  readonly #labels = new Map<string, Hash>();
  #from = "";

  /**
   * @param tasks - Those that were answered; files of others are passed over.
   * @param questions - Templates by task, to check the answer files against; some or all may be missing.
   */
  constructor(tasks: readonly string[], questions: ReadonlyMap<string, readonly MmeQuestion[]>) {
    this.#tasks = tasks;
    this.#questions = questions;
  }

  /**
   * Reads a line.
   *
   * @returns The answer, or null where its task was not chosen.
   * @throws UserError naming line and field.
   */
  read(row: FileRow): Answer | null {
    this.#from = row.file;
    const task = basename(row.file).replace(/\.txt$/, "");
    if (!TASKS.includes(task)) {
      throw new UserError(`${row.file}: is no file of an MME task; expected names such as existence.txt and OCR.txt`);
    }
    if (!this.#tasks.includes(task)) return null;
    const columns = columnsOf(row, ["image", "question", "label", "answer"]);
    const [image, question, label, answer] = columns as [string, string, string, string];
    this.#compare(row, task, { image, question, label });
    const truth = label.toLowerCase();
    if (truth !== "yes" && truth !== "no") {
      throw new UserError(`${place(row)}: field label is ${shown(label)}, expected Yes or No`);
    }
    this.#counts.set(task, (this.#counts.get(task) ?? 0) + 1);
    let hash = this.#labels.get(task);
    if (hash === undefined) this.#labels.set(task, (hash = createHash("sha256")));
    hash.update(`${image}\t${question}\t${truth}\n`);
    return { task, image, label: truth, answer };
  }

  /**
   * Requires answers to all questions of all tasks.
   *
   * @throws UserError naming the task.
   */
  requireAll(): void {
    for (const task of this.#tasks) {
      const count = this.#counts.get(task) ?? 0;
      const all = this.#questions.get(task)?.length;
      if (count === 0) {
        throw new UserError(
          `${this.#from}: the task ${task} has no answers; add ${task}.txt, ` +
            "or name the tasks that were answered with --option tasks=existence,count",
        );
      }
      if (all === undefined || count === all) continue;
      throw new UserError(`${this.#from}: the task ${task} has ${count} answers, expected ${all}; answer them all`);
    }
  }

  /** Names the labels, which came with the answers: only results with the same ones compare. Called once, at the end. */
  labelHash(): string {
    const whole = createHash("sha256");
    for (const task of this.#tasks) whole.update(`${task} ${this.#labels.get(task)?.digest("hex")}\n`);
    return whole.digest("hex");
  }

  #compare(row: FileRow, task: string, found: Pick<MmeQuestion, "image" | "question" | "label">): void {
    const questions = this.#questions.get(task);
    if (questions === undefined) return;
    const asked = questions[row.line - 1];
    if (asked === undefined) {
      throw new UserError(`${place(row)}: is an answer too many, the task asks ${questions.length} questions`);
    }
    for (const name of ["image", "question", "label"] as const) {
      if (asked[name] === found[name]) continue;
      throw new UserError(
        `${place(row)}: field ${name} is ${shown(found[name])}, but the annotations have ${shown(asked[name])}; ` +
          "the answers belong to another revision of the labels",
      );
    }
  }
}
