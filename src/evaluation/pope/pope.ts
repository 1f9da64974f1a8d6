import { UserError } from "../../errors.js";
import { type FileRow, field, readJsonLines, shown, textField } from "../../files/rows.js";
import { requireFile } from "../benchmark-files.js";
import type { Benchmark, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { TallySheet } from "../tally-sheet.js";
import { popeFigures, popeMetrics } from "./figures.js";
import { LABELS, LABELS_REPOSITORY, QUESTIONS, QUESTIONS_REPOSITORY, REVISION, type Split } from "./files.js";
import { AnsweredQuestions } from "./answered-questions.js";
import { isSplit, readAllSplits, readSplit } from "./questions.js";
import { readYesNoStrictly } from "./read-yes-no.js";
import { ReadOtherwise, readYesNoByWord } from "../yes-no.js";

const SPLITS = Object.keys(LABELS) as Split[];

/** POPE (arXiv 2305.10355): questions after objects that are there or not. */
export const pope: Benchmark = {
  name: "pope",
  title: "POPE",
  measures: "Whether a model says yes to objects that are not in the picture, asked one by one.",
  source: { paper: "arXiv 2305.10355", repository: LABELS_REPOSITORY, revision: REVISION },
  files: [...Object.values(LABELS), QUESTIONS],
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
  answerFields: ["answer", "text"],
  options: { split: "the one split that was answered (random, popular, adversarial), by the ids of its label file" },
  judged: false,
  open: openPope,
  async *prompts(annotations): AsyncIterable<Prompt> {
    const path = await requireFile(annotations, QUESTIONS, QUESTIONS_REPOSITORY);
    for await (const row of readJsonLines(path)) {
      const [image, text] = [textField(row, "image"), textField(row, "text")];
      yield { id: field(row, "question_id") as number, image, text };
    }
  },
  answerRow: (prompt, answer) => ({ question_id: prompt.id, prompt: prompt.text, text: answer }),
};

async function openPope({ annotations, mode, options }: OpenOptions): Promise<Scorer> {
  const { split } = options;
  if (split !== undefined && !isSplit(split)) {
    throw new UserError(`option split is ${shown(split)}, expected random, popular or adversarial`);
  }
  const questions = await (split === undefined ? readAllSplits(annotations) : readSplit(annotations, split));
  const sheet = new TallySheet();
  const answered = new AnsweredQuestions(questions, split);
  const otherwise = new ReadOtherwise();
  const settings: Record<string, string> = {};
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
