import { UserError } from "../../errors.js";
import { type FileRow, field, readJsonLines, shown, textField } from "../../files/rows.js";
import { findFile } from "../benchmark-files.js";
import type { Benchmark, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { TallySheet } from "../tally-sheet.js";
import { popeFigures, popeMetrics } from "./figures.js";
import {
  type Dataset,
  DATASETS,
  labelFile,
  LABELS,
  LABELS_REPOSITORY,
  QUESTIONS,
  REVISION,
  type Split,
} from "./files.js";
import { AnsweredQuestions } from "./answered-questions.js";
import { isSplit, readQuestions } from "./questions.js";
import { readYesNoStrictly } from "./read-yes-no.js";
import { ReadOtherwise, readYesNoByWord } from "../yes-no.js";

const SPLITS = Object.keys(LABELS) as Split[];

/** POPE (arXiv 2305.10355): questions after objects that are there or not. */
export const pope: Benchmark = {
  name: "pope",
  title: "POPE",
  measures: "Whether a model says yes to objects that are not in the picture, asked one by one.",
  source: { paper: "arXiv 2305.10355", repository: LABELS_REPOSITORY, revision: REVISION },
  files: [
    ...Object.values(LABELS),
    QUESTIONS,
    ...(["aokvqa", "gqa"] as const).flatMap((dataset) => SPLITS.map((split) => labelFile(dataset, split))),
  ],
  defects: [
    {
      official: "Every answer is yes that lacks No, not or no between single blanks: NO, an empty one, isn't.",
      fixed: "The first deciding word of the first sentence counts, in any spelling; an answer without one is neither.",
    },
    {
      official: "Answers are laid beside the labels by their order, however many there are.",
      fixed: "They are aligned by question id and the questions compared, in both modes.",
    },
  ],
  defaultMode: "fixed",
  answers: "jsonl",
  idFields: ["question_id", "question"],
  answerFields: ["text", "answer"],
  options: {
    split: "the one split that was answered (random, popular, adversarial), by the ids of its label file",
    dataset: "coco (default), aokvqa or gqa: whose pictures are asked about",
  },
  judged: false,
  open: openPope,
  prompts: popePrompts,
  answerRow: (prompt, answer) => ({ question_id: prompt.id, prompt: prompt.text, text: answer }),
};

/** What is asked about, as options name it. */
function chosen(options: OpenOptions["options"]): { split: Split | undefined; dataset: Dataset } {
  const { split, dataset = "coco" } = options;
  if (split !== undefined && !isSplit(split)) {
    throw new UserError(`option split is ${shown(split)}, expected random, popular or adversarial`);
  }
  const known = DATASETS.find((each) => each === dataset);
  if (known === undefined) throw new UserError(`option dataset is ${shown(dataset)}, expected coco, aokvqa or gqa`);
  return { split, dataset: known };
}

/** LLaVA's question file asks for one word; without it, or for one split, the questions are those of the labels. */
async function* popePrompts(annotations: string, options: OpenOptions["options"] = {}): AsyncGenerator<Prompt> {
  const { split, dataset } = chosen(options);
  const path = split === undefined && dataset === "coco" ? await findFile(annotations, QUESTIONS) : null;
  if (path === null) {
    const { byId } = await readQuestions(annotations, split, dataset);
    for (const [id, { image, text, split: group }] of byId) {
      yield { id: /^\d+$/.test(id) ? Number(id) : id, image, text, group };
    }
    return;
  }
  for await (const row of readJsonLines(path)) {
    const [image, text] = [textField(row, "image"), textField(row, "text")];
    yield { id: field(row, "question_id") as number, image, text, group: textField(row, "category") };
  }
}

async function openPope({ annotations, mode, options }: OpenOptions): Promise<Scorer> {
  const { split, dataset } = chosen(options);
  const questions = await readQuestions(annotations, split, dataset);
  const sheet = new TallySheet();
  const answered = new AnsweredQuestions(questions, split);
  const otherwise = new ReadOtherwise();
  const settings: Record<string, string> = dataset === "coco" ? {} : { dataset };
  return {
    inputs: questions.inputs,
    settings,
    add(row: FileRow): void {
      const answer = answerText(row);
      const question = answered.take(row);
      const byWord = readYesNoByWord(answer);
      const said = mode === "strict" ? readYesNoStrictly(answer) : byWord;
      if (said !== byWord) otherwise.add(row, answer);
      const right = said === question.label;
      const outcome =
        said === null ? `${question.label}Unread` : said === "yes" ? (right ? "tp" : "fp") : right ? "tn" : "fn";
      sheet.add(question.image, `${question.split}/${outcome}`, 1);
    },
    finish(): Scored {
      const splits = answered.splits();
      settings["split"] = splits.length === SPLITS.length ? "all" : splits.join(",");
      return {
        sheet,
        n: answered.count,
        metrics: popeMetrics(splits, mode),
        figures: (totals) => popeFigures(splits, totals),
        notes: otherwise.notes(),
      };
    },
  };
}

/** The original's rows hold `answer`, LLaVA's hold `text`. */
function answerText(row: FileRow): string {
  const value = row.value as Record<string, unknown> | null;
  const original = typeof value === "object" && value !== null && Object.hasOwn(value, "answer");
  return textField(row, original ? "answer" : "text");
}
