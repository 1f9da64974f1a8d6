import { UserError } from "../errors.js";
import { type FileRow, shown } from "../files/rows.js";
import type { Benchmark, Mode } from "./benchmark.js";
import type { Judge } from "./judge.js";

/** What stands before and behind a model's reasoning. */
export interface ReasoningMarkers {
  readonly open: string;
  readonly close: string;
}

/** What most models that reason write around it. */
export const THINK: ReasoningMarkers = { open: "<think>", close: "</think>" };

/** A text without its reasoning. */
export interface Spoken {
  /** What is said to whoever asked. */
  answer: string;
  /** Whether there was reasoning. */
  reasoned: boolean;
  /** Whether the reasoning is cut off before its end. */
  unfinished: boolean;
}

/**
 * Reads the markers of reasoning as the command line has them.
 *
 * @param text - Both, with a blank between them, or "none".
 * @returns Undefined for none: answers are read whole.
 * @throws UserError when it is neither.
 */
export function reasoningMarkers(text: string): ReasoningMarkers | undefined {
  if (text === "none") return undefined;
  const [open, close, ...rest] = text.trim().split(/\s+/);
  if (open !== undefined && open !== "" && close !== undefined && rest.length === 0 && open !== close) {
    return { open, close };
  }
  throw new UserError(
    `--reasoning is ${shown(text)}, expected what stands before and behind reasoning, such as ` +
      `"${THINK.open} ${THINK.close}", or none`,
  );
}

/**
 * Sets a model's reasoning aside. A chat template may have opened it, so that only its end is in the text; a limit of
 * tokens may have cut it off, so that there is no answer.
 *
 * @param text - What the model wrote.
 * @param markers - Around its reasoning.
 */
export function withoutReasoning(text: string, { open, close }: ReasoningMarkers): Spoken {
  let rest = "";
  let at = 0;
  let reasoned = false;
  for (;;) {
    const begin = text.indexOf(open, at);
    const end = text.indexOf(close, at);
    if (end !== -1 && (begin === -1 || end < begin)) {
      rest = "";
      at = end + close.length;
    } else if (begin !== -1) {
      rest += text.slice(at, begin);
      if (end === -1) return { answer: rest.trim(), reasoned: true, unfinished: true };
      at = end + close.length;
    } else {
      if (!reasoned) return { answer: text, reasoned, unfinished: false };
      return { answer: (rest + text.slice(at)).trim(), reasoned, unfinished: false };
    }
    reasoned = true;
  }
}

/** Sets the reasoning in the rows of an answer file aside in fixed mode, and counts it in both. */
export class ReasoningAside {
  readonly #fields: readonly string[];
  /** Whether a row of text is a line of columns. */
  readonly #tabbed: boolean;
  readonly #mode: Mode;
  readonly #markers: ReasoningMarkers | undefined;
  #reasoned = 0;
  #unfinished = 0;

  /**
   * @param benchmark - Names the fields of answers.
   * @param mode - The official scripts know no reasoning: strict reads answers whole.
   * @param markers - Around the reasoning; none where undefined.
   */
  constructor(
    { answerFields, answers }: Pick<Benchmark, "answerFields" | "answers">,
    mode: Mode,
    markers: ReasoningMarkers | undefined,
  ) {
    this.#fields = answerFields;
    this.#tabbed = answers === "text-folder";
    this.#mode = mode;
    this.#markers = markers;
  }

  /** The row as it is scored. */
  take(row: FileRow): FileRow {
    const { value } = row;
    if (typeof value === "string") {
      const answer = this.#spoken(value);
      return answer === undefined ? row : { ...row, value: answer };
    }
    if (typeof value !== "object" || value === null) return row;
    const changed: Record<string, string> = {};
    for (const name of this.#fields) {
      const text = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      const answer = typeof text === "string" ? this.#spoken(text) : undefined;
      if (answer !== undefined) changed[name] = answer;
    }
    return Object.keys(changed).length === 0 ? row : { ...row, value: { ...value, ...changed } };
  }

  /** What a result says of it. */
  notes(): string[] {
    if (this.#reasoned === 0 || this.#markers === undefined) return [];
    const where = `between ${this.#markers.open} and ${this.#markers.close}`;
    const cut =
      this.#unfinished === 0
        ? ""
        : `; in ${this.#unfinished} it is cut off and no answer follows: let the model write more tokens`;
    return [
      this.#mode === "fixed"
        ? `reasoning ${where} was set aside in ${this.#reasoned} answers${cut}`
        : `${this.#reasoned} answers hold reasoning ${where}, which the official script reads as part of the answer; ` +
          `fixed mode sets it aside${cut}`,
    ];
  }

  /** A text as it is scored; undefined where it stays as it is. */
  #spoken(whole: string): string | undefined {
    if (this.#markers === undefined) return undefined;
    const start = this.#tabbed ? whole.lastIndexOf("\t") + 1 : 0;
    const { answer, reasoned, unfinished } = withoutReasoning(whole.slice(start), this.#markers);
    if (!reasoned) return undefined;
    this.#reasoned += 1;
    if (unfinished) this.#unfinished += 1;
    return this.#mode === "fixed" ? whole.slice(0, start) + answer : undefined;
  }
}

/** A judge whose own reasoning is no part of its verdicts. */
export function judgeWithoutReasoning(judge: Judge, markers: ReasoningMarkers): Judge {
  return {
    ...judge,
    async ask(messages, wanted, again) {
      const { content, ...rest } = await judge.ask(messages, wanted, again);
      return { ...rest, content: withoutReasoning(content, markers).answer };
    },
  };
}
