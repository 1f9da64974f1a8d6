import { UserError } from "../../errors.js";
import { type FileRow, idField, place, SeenIds, shown, textField } from "../../files/rows.js";
import type { Benchmark, BenchmarkFile, Metric, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { type JudgePrompt, openPrompt } from "../judging/official-script.js";
import { checkComplete, Judging, matchesLiterally, requireQuestion } from "../judging/verdicts.js";
import { TallySheet, type Totals } from "../tally-sheet.js";
import { type MmvpItem, QUESTIONS, readMmvp, REPOSITORY } from "./items.js";
import { type MmvpPrompt, officialPrompt, ownPrompt } from "./prompt.js";
import { firstWord, namedOption } from "./reading.js";

const OPTIONS = {
  match: "judge (default), or literal: an answer that names option (a) or (b) is compared with the label, unasked",
  script: "path of the official gpt_grader.py from which the judge's prompt is read, where it lies elsewhere",
};
const SCRIPT: BenchmarkFile = {
  path: "scripts/gpt_grader.py",
  also: ["gpt_grader.py"],
  holds: "the judge's prompt, from the script's own repository; needed in strict mode",
  bytes: 2402,
  sha256: "3c598c77fca14064e9eaf6bf9321a4d7aa4b73c8650c6238cc9ba044a5a72e8e",
  optional: true,
};
const METRICS: readonly Metric[] = [
  { name: "pair_accuracy", title: "pairs with both answers right", better: "higher", digits: 1 },
  { name: "accuracy", title: "answers right", better: "higher", digits: 1 },
];

/** MMVP (arXiv 2401.06209): 150 pairs of images that look alike to CLIP, one question for both. */
export const mmvp: Benchmark = {
  name: "mmvp",
  title: "MMVP",
  measures: "Whether a model tells apart 150 pairs of images that look alike to CLIP: both questions of a pair right.",
  source: {
    paper: "arXiv 2401.06209",
    repository: `${REPOSITORY} (script: https://github.com/tsb0601/MMVP)`,
    revision: "763500597e65c3446f09047837ceda76f4e264bf",
  },
  files: [QUESTIONS, SCRIPT],
  defects: [
    {
      official: "A verdict other than the bare word counts as no, `Yes.` among them.",
      fixed: "The first word counts; a pair with a verdict that begins with neither word is left out and noted.",
    },
    {
      official: "Two consecutive lines of the answer file make a pair, whatever questions they answer.",
      fixed: "Questions 1 and 2, 3 and 4 and so on make a pair, in any order.",
    },
    {
      official: "The labels of questions 99 and 100 and of 279 and 280 are swapped.",
      fixed: "They are put right.",
    },
  ],
  defaultMode: "fixed",
  answers: "jsonl",
  idFields: ["question_id"],
  answerFields: ["response"],
  options: OPTIONS,
  judged: true,
  async open(options) {
    const literal = matchesLiterally(options);
    const { path, items } = await readMmvp(options.annotations, options.mode === "fixed");
    const prompt = await openPrompt(options, SCRIPT, officialPrompt, ownPrompt);
    return new MmvpScorer(path, items, prompt, options, literal);
  },
  async *prompts(annotations): AsyncGenerator<Prompt> {
    for (const { id, prompt } of (await readMmvp(annotations, false)).items) {
      yield { id: Number(id), image: `${id}.jpg`, text: prompt };
    }
  },
  answerRow: ({ id, text }, answer) => ({ question_id: id, prompt: text, response: answer }),
};

class MmvpScorer implements Scorer {
  readonly inputs: readonly string[];
  readonly #items: ReadonlyMap<string, MmvpItem>;
  readonly #options: OpenOptions;
  readonly #literal: boolean;
  readonly #judging: Judging<MmvpPrompt>;
  readonly #seen = new SeenIds("question_id");
  /** Verdicts by pair, null for one that cannot be read. */
  readonly #pairs = new Map<string, (boolean | null)[]>();
  #file: string | undefined;

  constructor(
    path: string,
    items: readonly MmvpItem[],
    prompt: JudgePrompt<MmvpPrompt>,
    options: OpenOptions,
    literal: boolean,
  ) {
    this.inputs = [path, ...prompt.inputs];
    this.#items = new Map(items.map((item) => [item.id, item]));
    this.#options = options;
    this.#literal = literal;
    this.#judging = new Judging(options, { temperature: options.mode === "strict" ? 0.2 : 0 }, prompt);
  }

  get settings(): Record<string, string> {
    return { match: this.#literal ? "literal" : "judge", ...this.#judging.settings() };
  }

  async add(row: FileRow): Promise<void> {
    this.#file = row.file;
    const id = idField(row, "question_id");
    const item = this.#items.get(id);
    if (item === undefined) {
      throw new UserError(`${place(row)}: field question_id is ${shown(id)}, expected 1 to ${this.#items.size}`);
    }
    requireQuestion(row, "prompt", item.prompt);
    const position = this.#options.mode === "strict" ? this.#seen.size : Number(id) - 1;
    this.#seen.add(row, id);
    const verdicts = this.#pairOf(position);
    const answer = textField(row, "response");
    const said = this.#literal ? namedOption(item, answer) : undefined;
    if (said !== undefined || (this.#literal && this.#options.judge === undefined)) {
      verdicts.push(said === undefined ? null : item.answer.toLowerCase().includes(said));
      return;
    }
    const ask = (prompt: MmvpPrompt) => prompt(item, answer);
    await this.#judging.ask(row, ask, (verdict) => {
      verdicts.push(this.#options.mode === "strict" ? verdict.toLowerCase() === "yes" : firstWord(verdict));
    });
  }

  async finish(): Promise<Scored> {
    await this.#judging.drained();
    checkComplete(this.#file, this.#items.keys(), (id) => this.#seen.has(id));
    const sheet = new TallySheet();
    let n = 0;
    let unread = 0;
    for (const [pair, verdicts] of this.#pairs) {
      const read = verdicts.filter((verdict) => verdict !== null);
      n += read.length;
      unread += verdicts.length - read.length;
      const right = read.filter(Boolean).length;
      sheet.add(pair, "n", read.length);
      sheet.add(pair, "right", right);
      sheet.add(pair, "pairs", read.length === 2 ? 1 : 0);
      sheet.add(pair, "pairs_right", right === 2 ? 1 : 0);
    }
    const about = this.#literal ? "answers or verdicts" : "verdicts";
    return {
      sheet,
      n,
      metrics: METRICS,
      figures: figuresOf,
      notes: unread === 0 ? [] : [`${unread} ${about} say neither; their pairs are left out of pair_accuracy`],
    };
  }

  #pairOf(position: number): (boolean | null)[] {
    const pair = String(Math.floor(position / 2) + 1);
    let verdicts = this.#pairs.get(pair);
    if (verdicts === undefined) this.#pairs.set(pair, (verdicts = []));
    return verdicts;
  }
}

function figuresOf(totals: Totals): Record<string, number | null> {
  const share = (part: string, whole: string): number | null =>
    (totals[whole] ?? 0) === 0 ? null : (100 * (totals[part] ?? 0)) / (totals[whole] as number);
  return { pair_accuracy: share("pairs_right", "pairs"), accuracy: share("right", "n") };
}
