import { UserError } from "../../errors.js";
import { type FileRow, idField, place, SeenIds, shown, shownApart } from "../../files/rows.js";
import { REVISION, type Split } from "./files.js";
import type { Question, Questions } from "./question.js";

/** Aligns rows with questions, and keeps account of which were answered. */
export class AnsweredQuestions {
  readonly #questions: Questions;
  readonly #split: Split | undefined;
  readonly #seen = new SeenIds("question_id");
  /** Splits of which the rows say nothing but an id that other splits use too. */
  readonly #guessed = new Set<Split>();
  readonly #answers = new Map<Split, number>();
  #file = "";
  #count = 0;

  /**
   * @param questions - All that may be answered.
   * @param split - The one split that they belong to; all three where absent.
   */
  constructor(questions: Questions, split: Split | undefined) {
    this.#questions = questions;
    this.#split = split;
  }

  /** Number of answers. */
  get count(): number {
    return this.#count;
  }

  /**
   * Finds the question of a row.
   *
   * @throws UserError when there is none, it was answered before, or the row asks another one.
   */
  take(row: FileRow): Question {
    this.#file = row.file;
    this.#count += 1;
    const { question, name, ambiguous } = this.#find(row);
    const { split, text, image } = question;
    let compared = false;
    for (const [key, expected] of Object.entries({ prompt: text, question: text, image })) {
      const value = (row.value as Record<string, unknown>)[key];
      if (typeof value !== "string") continue;
      if (!value.toLowerCase().includes(expected.toLowerCase())) {
        const [found, asked] = shownApart(value, expected);
        throw new UserError(
          `${place(row)}: field ${key} is ${found}, but ${name} of the labels is ${asked}; ` +
            `the answers belong to another revision of the labels than these (${this.#revision()})`,
        );
      }
      compared ||= key !== "image";
    }
    if (ambiguous && !compared) this.#guessed.add(split);
    this.#answers.set(split, (this.#answers.get(split) ?? 0) + 1);
    return question;
  }

  /**
   * The splits that were answered, each of them whole.
   *
   * @throws UserError when a split was answered in part, or it is uncertain which one was.
   */
  splits(): Split[] {
    const all = new Map<Split, number>();
    for (const { split } of this.#questions.ordered) all.set(split, (all.get(split) ?? 0) + 1);
    const splits = [...all.keys()].filter((split) => this.#answers.has(split));
    const part = splits.find((split) => this.#answers.get(split) !== all.get(split));
    if (part !== undefined) {
      const missing = (all.get(part) as number) - (this.#answers.get(part) as number);
      const first = [...this.#questions.byId].find(([id, { split }]) => split === part && !this.#seen.has(id))?.[0];
      throw new UserError(
        `${this.#file}: ${missing} of ${all.get(part)} questions of the ${part} split have no answer` +
          (this.#seen.size === 0 ? "" : `, first field question_id ${first}`) +
          "; answer them all",
      );
    }
    if (splits.length < all.size && splits.some((split) => this.#guessed.has(split))) {
      throw new UserError(
        `${this.#file}: answers ${splits.join(" and ")} by ids that every split uses; ` +
          "say which split was answered, for example with --option split=random",
      );
    }
    return splits;
  }

  /** The revision of the labels, which the number of random questions tells: the first one lacks some. */
  #revision(): string {
    const { random = 0, ...others } = Object.fromEntries(
      [...new Set(this.#questions.ordered.map(({ split }) => split))].map((split) => [
        split,
        this.#questions.ordered.filter((question) => question.split === split).length,
      ]),
    );
    const counts = Object.entries(random === 0 ? others : { random, ...others });
    const which = random === 2910 ? `${REVISION}: ` : random === 3000 ? "of March 2024, as lmms-lab has them: " : "";
    return which + counts.map(([split, count]) => `${count} ${split}`).join(", ");
  }

  /** By id; rows of the original's own format have none and stand in the order of the labels. */
  #find(row: FileRow): { question: Question; name: string; ambiguous: boolean } {
    const value = row.value as Record<string, unknown>;
    if (this.#split !== undefined && !Object.hasOwn(value, "question_id") && Object.hasOwn(value, "question")) {
      const question = this.#questions.ordered[this.#count - 1];
      if (question !== undefined) return { question, name: `question ${this.#count}`, ambiguous: false };
      throw new UserError(
        `${place(row)}: is an answer too many, the ${this.#split} split asks ${this.#questions.ordered.length} questions`,
      );
    }
    const id = idField(row, "question_id");
    this.#seen.add(row, id);
    const question = this.#questions.byId.get(id);
    if (question !== undefined) {
      return { question, name: `question ${id}`, ambiguous: this.#questions.ambiguous.has(id) };
    }
    throw new UserError(
      `${place(row)}: field question_id is ${shown(id)}, which the ${this.#questions.ordered.length} questions do not hold; ` +
        `the answers belong to another revision of the labels than these (${this.#revision()}), or to ` +
        (this.#split === undefined ? "one split (--option split=random)" : "another split"),
    );
  }
}
