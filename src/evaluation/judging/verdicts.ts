import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";
import type { OpenOptions } from "../benchmark.js";
import type { Judge, JudgeSettings } from "../judge.js";

/** What a judged scorer says of its verdicts: the judge's name, its settings, the prompt's origin. */
export class VerdictRecord {
  readonly #judge: Judge | undefined;
  readonly #official: JudgeSettings;
  readonly #prompt: "official" | "own";
  readonly #models = new Set<string>();
  #asked = 0;
  #recorded = 0;

  /**
   * @param judge - Whom the scorer asks.
   * @param official - Settings that the benchmark asks for.
   * @param prompt - Whose words the judge's prompt is in.
   */
  constructor(judge: Judge | undefined, official: JudgeSettings, prompt: "official" | "own") {
    this.#judge = judge;
    this.#official = official;
    this.#prompt = prompt;
  }

  /** Notes a verdict that the judge gave under a name of its own. */
  asked(model: string): void {
    this.#asked += 1;
    this.#models.add(model);
  }

  /** Notes a verdict that the answer file brought along. */
  recorded(model?: string): void {
    this.#recorded += 1;
    if (model !== undefined) this.#models.add(model);
  }

  /** Entries for a result's settings. */
  settings(): Record<string, string> {
    const said = [...this.#models].sort().join(", ");
    const settings: Record<string, string> = {};
    if (this.#asked > 0 && this.#judge !== undefined) {
      settings["judge"] = this.#judge.name;
      settings["judge_settings"] = JSON.stringify(this.#judge.settings(this.#official));
      settings["judge_prompt"] = this.#prompt;
    }
    if (this.#recorded > 0) settings["recorded_verdicts"] = String(this.#recorded);
    if (said !== "") settings["judge_reported"] = said;
    return settings;
  }
}

/**
 * Takes the judge of a scorer that cannot do without.
 *
 * @param judge - As opened.
 * @param row - The answer that is to be judged.
 * @throws UserError when the user named none.
 */
export function judgeFor(judge: Judge | undefined, row: FileRow): Judge {
  if (judge !== undefined) return judge;
  throw new UserError(`${place(row)}: needs a judge; name one with --judge-url and --judge-model`);
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
