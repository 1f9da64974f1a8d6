import { existsSync } from "node:fs";
import { JsonlWriter, readAllJsonl } from "../../files/jsonl.js";
import { UserError } from "../../errors.js";

/** A line of the partial file. */
interface PartialLine {
  /** Position of the question, from 0. */
  prompt: number;
  answer: string;
}

/** Path of the answers so far, beside the answer file. */
export function partialPath(out: string): string {
  return `${out}.partial`;
}

/** Answers so far, each on the disk before the next batch is asked; a torn last line, left by a kill, is dropped. */
export class PartialAnswers {
  readonly #answers: Map<number, string>;
  readonly #writer: JsonlWriter;

  private constructor(answers: Map<number, string>, writer: JsonlWriter) {
    this.#answers = answers;
    this.#writer = writer;
  }

  /**
   * Opens the file, or makes it.
   *
   * @param path - As `partialPath` gives it.
   * @param count - Number of questions.
   * @throws UserError when a line before the last is damaged or answers no question.
   */
  static async open(path: string, count: number): Promise<PartialAnswers> {
    // What is no file of answers is not opened to be written.
    const answers = existsSync(path) ? await read(path, count) : new Map<number, string>();
    return new PartialAnswers(answers, await JsonlWriter.open(path, { sync: true }));
  }

  /** Number of answered questions. */
  get size(): number {
    return this.#answers.size;
  }

  /** The answer to the question at a position, or undefined. */
  get(prompt: number): string | undefined {
    return this.#answers.get(prompt);
  }

  /** Adds answers; resolves when the disk has them. One that is there already stays. */
  async add(answers: ReadonlyMap<number, string>): Promise<void> {
    const fresh = [...answers].filter(([prompt]) => !this.#answers.has(prompt));
    await this.#writer.append(...fresh.map(([prompt, answer]): PartialLine => ({ prompt, answer })));
    for (const [prompt, answer] of fresh) this.#answers.set(prompt, answer);
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#writer.close();
  }
}

async function read(path: string, count: number): Promise<Map<number, string>> {
  const remedy = "remove it and run again to start over";
  let lines: PartialLine[];
  try {
    lines = await readAllJsonl<PartialLine>(path);
  } catch (error) {
    throw new UserError(`${(error as Error).message.replace(/\.$/, "")}: ${remedy}`);
  }
  const answers = new Map<number, string>();
  for (const [at, line] of (lines as unknown[]).entries()) {
    const { prompt, answer } = (line ?? {}) as Partial<PartialLine>;
    const known = typeof prompt === "number" && Number.isInteger(prompt) && prompt >= 0 && prompt < count;
    if (!known || typeof answer !== "string") {
      throw new UserError(`${path} line ${at + 1}: is no answer to one of ${count} questions: ${remedy}`);
    }
    // Two runs at once give the same answer twice.
    if ((answers.get(prompt) ?? answer) !== answer) {
      throw new UserError(`${path} line ${at + 1}: answers question ${prompt} again and otherwise: ${remedy}`);
    }
    answers.set(prompt, answer);
  }
  return answers;
}
