import { UserError } from "../../errors.js";
import { type FileRow, place, SeenIds, shown, textField } from "../../files/rows.js";
import type { Benchmark, BenchmarkFile, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { figuresOf, type JudgedAnswer, METRICS, needsAgreement, tally, type Verdict } from "./figures.js";
import { type HallusionItem, hallusionId, ID_FIELDS, QUESTIONS, readHallusion, REPOSITORY } from "./items.js";
import { type HallusionPrompts, officialPrompts, ownPrompts } from "./prompts.js";
import { literalAnswer, recordedAgreement, recordedVerdict } from "./reading.js";
import type { Message } from "../judge.js";
import { type JudgePrompt, openPrompt } from "../judging/official-script.js";
import { checkComplete, Judging, matchesLiterally, requireQuestion } from "../judging/verdicts.js";

const OPTIONS = {
  match: "judge (default), or literal: an answer that begins with Yes or No is compared with the label, unasked",
  script: "path of the official utils.py from which the judge's prompts are read, where it lies elsewhere",
};

const SCRIPT: BenchmarkFile = {
  path: "utils.py",
  holds: "the judge's prompts; needed in strict mode",
  bytes: 17600,
  sha256: "535734ad70c8ea14253131ea59e4d2df6af4fae5341f044d226a8e78eaeb9c30",
  optional: true,
};

/** HallusionBench (arXiv 2310.14566): yes-or-no questions on original and edited figures. */
export const hallusionBench: Benchmark = {
  name: "hallusion-bench",
  title: "HallusionBench",
  measures:
    "Language hallucination and visual illusion: right answers by question, by figure and by question over figures.",
  source: {
    paper: "arXiv 2310.14566",
    repository: REPOSITORY,
    revision: "744007c232c292942c7f80eb61edb2465482da31",
  },
  files: [QUESTIONS, SCRIPT],
  defects: [
    {
      official: "Easy and hard accuracy are named by question but count questions right on all figures of that level.",
      fixed: "Both count questions.",
    },
    {
      official: "An answer that does not commit itself counts as yes or no in the bias figures, whichever is wrong.",
      fixed: "Such answers stay out of the bias figures.",
    },
    {
      official: "The judge is asked at the endpoint's default temperature, so that figures change from run to run.",
      fixed: "The judge is asked at temperature 0.",
    },
  ],
  defaultMode: "fixed",
  answers: "json-array",
  idFields: [],
  answerFields: ["model_prediction"],
  options: OPTIONS,
  judged: true,
  async open(options) {
    const literal = matchesLiterally(options);
    const { path, items } = await readHallusion(options.annotations);
    const prompts = await openPrompt(options, SCRIPT, officialPrompts, ownPrompts);
    return new HallusionScorer(path, items, prompts, options, literal);
  },
  async *prompts(annotations): AsyncGenerator<Prompt> {
    for (const { id, image, question } of (await readHallusion(annotations)).items) yield { id, image, text: question };
  },
  answerRow({ id, text }, answer) {
    const parts = String(id).split("_");
    const key = Object.fromEntries(ID_FIELDS.map((name, at) => [name, parts[at]]));
    return { ...key, question: text, model_prediction: answer };
  },
};

interface Pending {
  item: HallusionItem;
  answer: string;
  verdict: Verdict | undefined;
  agrees: boolean | undefined;
  row: FileRow;
}

class HallusionScorer implements Scorer {
  readonly inputs: readonly string[];
  readonly #items: ReadonlyMap<string, HallusionItem>;
  readonly #options: OpenOptions;
  readonly #literal: boolean;
  readonly #judging: Judging<HallusionPrompts>;
  readonly #seen = new SeenIds("question_id");
  readonly #answers: Pending[] = [];
  #file: string | undefined;

  constructor(
    path: string,
    items: readonly HallusionItem[],
    prompts: JudgePrompt<HallusionPrompts>,
    options: OpenOptions,
    literal: boolean,
  ) {
    this.inputs = [path, ...prompts.inputs];
    this.#items = new Map(items.map((item) => [item.id, item]));
    this.#options = options;
    this.#literal = literal;
    this.#judging = new Judging(options, options.mode === "strict" ? {} : { temperature: 0 }, prompts);
  }

  get settings(): Record<string, string> {
    return { match: this.#literal ? "literal" : "judge", ...this.#judging.settings() };
  }

  async add(row: FileRow): Promise<void> {
    this.#file = row.file;
    const id = hallusionId(row);
    const item = this.#items.get(id);
    if (item === undefined) {
      throw new UserError(`${place(row)}: field question_id makes ${shown(id)}, which the annotations do not hold`);
    }
    requireQuestion(row, "question", item.question);
    this.#seen.add(row, id);
    const pending: Pending = {
      item,
      answer: textField(row, "model_prediction"),
      verdict: undefined,
      agrees: recordedAgreement(row),
      row: { ...row, value: undefined },
    };
    this.#answers.push(pending);
    pending.verdict = recordedVerdict(row);
    if (pending.verdict !== undefined) this.#judging.recorded();
    else pending.verdict = this.#literalVerdict(pending);
    if (pending.verdict === undefined) await this.#judge(pending);
  }

  async finish(): Promise<Scored> {
    await this.#judging.drained();
    checkComplete(this.#file, this.#items.keys(), (id) => this.#seen.has(id));
    const originals = new Map(this.#answers.filter(({ item }) => item.original).map((each) => [each.item.pair, each]));
    for (const pending of this.#answers) {
      const original = originals.get(pending.item.pair) as Pending;
      if (pending.agrees !== undefined) continue;
      if (!needsAgreement(pending.item, pending.verdict as Verdict, original.verdict as Verdict)) continue;
      await this.#compare(pending, original);
    }
    await this.#judging.drained();
    const judged = this.#answers.map(({ item, verdict, agrees }): JudgedAnswer => ({
      item,
      verdict: verdict as Verdict,
      agrees: agrees ?? false,
    }));
    const unclear = judged.filter(({ verdict }) => verdict === 2).length;
    return {
      sheet: tally(judged, this.#options.mode),
      n: judged.length,
      metrics: METRICS,
      figures: figuresOf,
      notes: unclear === 0 ? [] : [`${unclear} answers do not commit themselves; right only where no figure was shown`],
    };
  }

  async #judge(pending: Pending): Promise<void> {
    const { item, answer, row } = pending;
    const compose = (prompts: HallusionPrompts): Message[] => [
      { role: "user", content: prompts.correctness(item.question, item.reference, answer) },
    ];
    await this.#judging.ask(row, compose, (verdict) => {
      const said = verdict.toLowerCase();
      pending.verdict = said.includes("incorrect") ? 0 : said.includes("correct") ? 1 : 2;
    });
  }

  async #compare(pending: Pending, original: Pending): Promise<void> {
    const words = [literalAnswer(pending.answer), literalAnswer(original.answer)];
    if (this.#literal && !words.includes(undefined)) {
      pending.agrees = words[0] === words[1];
      return;
    }
    const compose = (prompts: HallusionPrompts): Message[] => [
      { role: "user", content: prompts.agreement(pending.answer, original.answer) },
    ];
    await this.#judging.ask(pending.row, compose, (verdict) => {
      pending.agrees = verdict.toLowerCase().includes("same");
    });
  }

  #literalVerdict({ item, answer }: Pending): Verdict | undefined {
    const said = this.#literal ? literalAnswer(answer) : undefined;
    // Without a judge, an answer that says neither commits itself to nothing.
    if (said === undefined) return this.#literal && this.#options.judge === undefined ? 2 : undefined;
    return (said === "yes") === item.yes ? 1 : 0;
  }
}
