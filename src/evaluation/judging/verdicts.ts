import { UserError } from "../../errors.js";
import { type FileRow, place, shown, shownApart } from "../../files/rows.js";
import type { OpenOptions } from "../benchmark.js";
import { ChatQueue } from "../../chat/queue.js";
import type { Judge, JudgeSettings, Message } from "../judge.js";
import type { JudgePrompt } from "./official-script.js";

/** Has a scorer's judge asked, many answers side by side, and says whose verdicts they were. */
export class Judging<Prompt> {
  readonly #judge: Judge | undefined;
  readonly #official: JudgeSettings;
  readonly #prompt: JudgePrompt<Prompt>;
  readonly #queue: ChatQueue;
  readonly #models = new Set<string>();
  #asked = 0;
  #recorded = 0;

  /**
   * @param options - Of the scorer; the judge among them.
   * @param official - Settings that the benchmark asks for.
   * @param prompt - What the judge is asked, in whose words.
   */
  constructor({ judge }: OpenOptions, official: JudgeSettings, prompt: JudgePrompt<Prompt>) {
    this.#judge = judge;
    this.#official = official;
    this.#prompt = prompt;
    this.#queue = new ChatQueue(judge?.concurrency ?? 1);
  }

  /**
   * Asks for a verdict as soon as there is a place.
   *
   * @param row - The answer that is to be judged.
   * @param compose - Writes the question with the prompt.
   * @param read - Hears what the judge says.
   * @throws UserError when the user named no judge; the first failure of an earlier question.
   */
  async ask(
    row: FileRow,
    compose: (prompt: Prompt) => readonly Message[],
    read: (verdict: string) => void,
  ): Promise<void> {
    await this.converse(row, compose, async (judge, messages) => {
      const { content, model } = await judge.ask(messages, this.#official);
      read(content);
      return model;
    });
  }

  /** Does what {@link ask} does where one question may not be enough; `talk` gives the name that the judge goes by. */
  async converse(
    row: FileRow,
    compose: (prompt: Prompt) => readonly Message[],
    talk: (judge: Judge, messages: readonly Message[]) => Promise<string>,
  ): Promise<void> {
    const judge = this.#judge;
    if (judge === undefined) {
      throw new UserError(`${place(row)}: needs a judge; name one with --judge-url and --judge-model`);
    }
    const messages = compose(this.#prompt.take());
    await this.#queue.add(async () => {
      this.#models.add(await talk(judge, messages));
      this.#asked += 1;
    });
  }

  /** Waits for all verdicts; throws the first failure. */
  drained(): Promise<void> {
    return this.#queue.drained();
  }

  /** Notes a verdict that the answer file brought along. */
  recorded(model?: string): void {
    this.#recorded += 1;
    if (model !== undefined) this.#models.add(model);
  }

  /** Entries for a result's settings: the judge's name, its settings, the prompt's origin. */
  settings(): Record<string, string> {
    const said = [...this.#models].sort().join(", ");
    const settings: Record<string, string> = {};
    if (this.#asked > 0 && this.#judge !== undefined) {
      settings["judge"] = this.#judge.name;
      settings["judge_settings"] = JSON.stringify(this.#judge.settings(this.#official));
      settings["judge_prompt"] = this.#prompt.origin;
    }
    if (this.#recorded > 0) settings["recorded_verdicts"] = String(this.#recorded);
    if (said !== "") settings["judge_reported"] = said;
    return settings;
  }
}

/**
 * Takes an option with a few values.
 *
 * @param options - As the user gave them.
 * @param name - Of the option.
 * @param values - What it may be; the first is the default.
 * @throws UserError when it is none of them.
 */
export function choice<T extends string>(
  options: OpenOptions["options"],
  name: string,
  values: readonly [T, ...T[]],
): T {
  const given = options[name];
  if (given === undefined) return values[0];
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  throw new UserError(`option ${name} is ${shown(given)}, expected ${values.join(" or ")}`);
}

/**
 * Whether answers are compared with the labels before a judge is asked, by the option `match`.
 *
 * @throws UserError when it is neither judge nor literal, or literal in strict mode.
 */
export function matchesLiterally({ options, mode }: OpenOptions): boolean {
  const literal = choice(options, "match", ["judge", "literal"]) === "literal";
  if (literal && mode === "strict") {
    throw new UserError("option match is literal, but strict mode asks the judge for every answer; leave one out");
  }
  return literal;
}

/**
 * Requires that an answer's row, where it repeats the question, repeats the annotated one.
 *
 * @param row - Of the answer file.
 * @param name - Of the field.
 * @param question - As annotated.
 * @throws UserError naming the row.
 */
export function requireQuestion(row: FileRow, name: string, question: string): void {
  const found = (row.value as Record<string, unknown> | null)?.[name];
  if (found === undefined || found === question) return;
  const [said, asked] = typeof found === "string" ? shownApart(found, question) : [shown(found), shown(question)];
  const rest = `expected ${asked}; the answers belong to another revision`;
  throw new UserError(`${place(row)}: field ${name} is ${said}, ${rest}`);
}

/**
 * Checks that every question was answered.
 *
 * @param file - The answer file, as far as it is known.
 * @param ids - Of all questions.
 * @param answered - Whether there is an answer.
 * @throws UserError naming the first that is missing and how many are.
 */
export function checkComplete(
  file: string | undefined,
  ids: Iterable<string>,
  answered: (id: string) => boolean,
): void {
  let total = 0;
  const missing: string[] = [];
  for (const id of ids) {
    total += 1;
    if (!answered(id)) missing.push(id);
  }
  if (missing.length === 0) return;
  const where = file === undefined ? "" : `${file}: `;
  const others = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  const found = `found ${total - missing.length} of ${total} answers`;
  throw new UserError(`${where}${found}, missing ${shown(missing[0])}${others}; answer every question`);
}
