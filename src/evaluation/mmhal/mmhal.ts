import { UserError } from "../../errors.js";
import { type FileRow, field, place, SeenIds, shown, textField } from "../../files/rows.js";
import type { Benchmark, BenchmarkFile, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import type { JudgeSettings, Message } from "../judge.js";
import { type JudgePrompt, openPrompt } from "../judging/official-script.js";
import { checkComplete, Judging, requireQuestion } from "../judging/verdicts.js";
import { type MmhalItem, readMmhal, REPOSITORY, TEMPLATE } from "./items.js";
import {
  CLEAN,
  figuresOf,
  lastRating,
  metricsOf,
  type MmhalPrompt,
  officialPrompt,
  ownPrompt,
  strictRating,
} from "./rating.js";
import { TallySheet } from "../tally-sheet.js";

/** As the official script asks. */
const SETTINGS: JudgeSettings = { temperature: 0 };
const SCRIPT: BenchmarkFile = {
  path: "eval/eval_gpt_mmhal.py",
  also: ["eval_gpt_mmhal.py", "eval_gpt4.py", "Eval/eval_gpt_mmhal.py"],
  holds: "the judge's prompt; needed in strict mode",
  bytes: 10201,
  sha256: "5f7184377ad1188f11a77010dd921a836487eafc1b66dc963e3fc95318dad967",
  optional: true,
};
const OPTIONS = {
  script: "path of the official script from which the judge's prompt is read, where it lies elsewhere",
};
/** The questions cycle through eight types. */
const TYPES = 8;

/** MMHal-Bench (arXiv 2309.14525): 96 free answers, each rated 0 to 6 by a judge. */
export const mmhal: Benchmark = {
  name: "mmhal",
  title: "MMHal-Bench",
  measures:
    "Informativeness and hallucination of free answers to 96 questions of eight types, rated 0 to 6 by a judge.",
  source: {
    paper: "arXiv 2309.14525",
    repository: `${REPOSITORY} (images: https://huggingface.co/datasets/Shengcao1006/MMHal-Bench)`,
    revision: "8daac8a8f30df123818ae9d3a0e3f0018497714c",
  },
  files: [TEMPLATE, SCRIPT],
  defects: [
    {
      official: "A verdict without exactly one of `rating: 0` to `rating: 6` scores 0 and counts as hallucination.",
      fixed: "The last rating counts, also one set as `**Rating**: 4`; an answer without any is left out and noted.",
    },
    {
      official: "The question type follows from the position in the answer file.",
      fixed: "The question type is the annotated one, so that answers may come in any order.",
    },
  ],
  defaultMode: "fixed",
  answers: "json-array",
  idFields: [],
  answerFields: ["model_answer", "answer", "text"],
  options: OPTIONS,
  judged: true,
  async open(options) {
    const { path, items } = await readMmhal(options.annotations);
    const prompt = await openPrompt(options, SCRIPT, officialPrompt, ownPrompt);
    return new MmhalScorer(path, items, prompt, options);
  },
  async *prompts(annotations): AsyncGenerator<Prompt> {
    for (const { id, image, question } of (await readMmhal(annotations)).items) yield { id, image, text: question };
  },
  answerRow: ({ id, text }, answer) => ({ image_id: id, question: text, model_answer: answer }),
};

class MmhalScorer implements Scorer {
  readonly inputs: readonly string[];
  readonly #items: readonly MmhalItem[];
  readonly #byId: ReadonlyMap<string, MmhalItem>;
  readonly #options: OpenOptions;
  readonly #judging: Judging<MmhalPrompt>;
  readonly #sheet = new TallySheet();
  readonly #seen = new SeenIds("image_id");
  #file: string | undefined;
  #unrated = 0;

  constructor(path: string, items: readonly MmhalItem[], prompt: JudgePrompt<MmhalPrompt>, options: OpenOptions) {
    this.inputs = [path, ...prompt.inputs];
    this.#items = items;
    this.#byId = new Map(items.map((item) => [item.id, item]));
    this.#options = options;
    this.#judging = new Judging(options, SETTINGS, prompt);
  }

  get settings(): Record<string, string> {
    return this.#judging.settings();
  }

  async add(row: FileRow): Promise<void> {
    this.#file = row.file;
    const position = this.#seen.size;
    const recorded = recordedVerdict(row);
    const item = this.#itemOf(row, position, recorded !== undefined);
    this.#seen.add(row, item.id);
    const { type } = this.#options.mode === "strict" ? (this.#items[position % TYPES] ?? item) : item;
    // Known before the verdict comes, so that the order of images is that of the answers.
    this.#sheet.add(item.id, "n", 0);
    if (recorded !== undefined) {
      this.#judging.recorded(recorded.model);
      this.#note(item.id, type, recorded.content);
      return;
    }
    const answer = answerOf(row);
    const compose = (prompt: MmhalPrompt): Message[] => [{ role: "user", content: prompt(item, answer) }];
    await this.#judging.ask(row, compose, (verdict) => this.#note(item.id, type, verdict));
  }

  async finish(): Promise<Scored> {
    await this.#judging.drained();
    checkComplete(this.#file, this.#byId.keys(), (id) => this.#seen.has(id));
    const types = [...new Set(this.#items.map((item) => item.type))];
    const strict = this.#options.mode === "strict";
    const fate = strict ? "score 0, as in the official script" : "are left out";
    return {
      sheet: this.#sheet,
      n: this.#seen.size - (strict ? 0 : this.#unrated),
      metrics: metricsOf(types),
      figures: (totals) => figuresOf(totals, types),
      notes: this.#unrated === 0 ? [] : [`${this.#unrated} verdicts without one clear rating ${fate}`],
    };
  }

  #itemOf(row: FileRow, position: number, recorded: boolean): MmhalItem {
    const expected = this.#items[position];
    if (expected === undefined) {
      throw new UserError(`${place(row)}: is one answer too many, expected ${this.#items.length}; remove it`);
    }
    const value = (typeof row.value === "object" ? row.value : null) as Record<string, unknown> | null;
    const id = value?.["image_id"];
    const item = typeof id === "string" ? this.#byId.get(id) : undefined;
    const question = value?.["question"] ?? value?.["prompt"];
    if (item === undefined && typeof id === "string" && question === undefined && !recorded) {
      throw new UserError(`${place(row)}: field image_id is ${shown(id)}, which the annotations do not hold`);
    }
    const found = item ?? expected;
    requireQuestion(row, (value?.["question"] ?? null) === null ? "prompt" : "question", found.question);
    return found;
  }

  #note(id: string, type: string, verdict: string): void {
    const strict = this.#options.mode === "strict";
    const read = strict ? strictRating(verdict) : lastRating(verdict);
    if (read === null) this.#unrated += 1;
    if (read === null && !strict) return;
    const rating = read ?? 0;
    for (const prefix of ["", `${type}/`]) {
      this.#sheet.add(id, `${prefix}n`, 1);
      this.#sheet.add(id, `${prefix}rating`, rating);
      this.#sheet.add(id, `${prefix}hallucinated`, rating < CLEAN ? 1 : 0);
    }
    this.#sheet.add(id, "informative", rating < CLEAN ? rating : rating - CLEAN);
  }
}

/** The model's answer, under the name that the template or a question-and-answer file gives it. */
function answerOf(row: FileRow): string {
  const value = row.value as Record<string, unknown> | null;
  if (typeof value?.["model_answer"] !== "string") {
    for (const name of ["answer", "text"]) {
      // Such files come from a chat loop, whose role name may stand before the answer.
      if (typeof value?.[name] === "string") return value[name].replaceAll("Assistant:", "").trim();
    }
  }
  return textField(row, "model_answer");
}

/** A verdict that the file brings along: a saved chat completion, or a review beside the answer. */
function recordedVerdict(row: FileRow): { content: string; model?: string } | undefined {
  const value = row.value as Record<string, unknown> | null;
  if (typeof value !== "object" || value === null) return undefined;
  if (typeof value["gpt4_review"] === "string") return { content: value["gpt4_review"] };
  if (!Object.hasOwn(value, "choices")) return undefined;
  const choices = field(row, "choices");
  const first = (Array.isArray(choices) ? choices[0] : undefined) as { message?: { content?: unknown } } | undefined;
  const content = first?.message?.content;
  if (typeof content !== "string") {
    throw new UserError(`${place(row)}: field choices holds no message with text; expected a saved chat completion`);
  }
  return { content, ...(typeof value["model"] === "string" ? { model: value["model"] } : {}) };
}
