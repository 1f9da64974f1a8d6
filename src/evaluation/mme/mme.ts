import { UserError } from "../../errors.js";
import { type FileRow, place, shown } from "../../files/rows.js";
import { requireFolder } from "../benchmark-files.js";
import type { Benchmark, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { ReadOtherwise } from "../yes-no.js";
import { TallySheet } from "../tally-sheet.js";
import { mmeFigures, mmeMetrics } from "./figures.js";
import { readFirstWord, readPrefix } from "./read-answer.js";
import { imagePath, TASKS, templateFile } from "./tasks.js";
import { readTemplates, type MmeQuestion } from "./templates.js";
import { AnswerReader } from "./answer-reader.js";

const REPOSITORY = "https://github.com/BradyFU/Awesome-Multimodal-Large-Language-Models/tree/Evaluation";

/** MME (arXiv 2306.13394): fourteen tasks of paired yes/no questions. */
export const mme: Benchmark = {
  name: "mme",
  title: "MME",
  measures: "Perception and cognition in fourteen tasks of yes/no questions, two an image.",
  source: { paper: "arXiv 2306.13394", repository: REPOSITORY, revision: "eval_tool.zip of 2023" },
  files: TASKS.map(templateFile),
  defects: [
    {
      official:
        "yes and no are looked for within the first four characters: Know and Snow say no, a quoted yes may be lost.",
      fixed: "The first word decides; anything but yes or no is neither.",
    },
    {
      official: "Two consecutive lines count as a pair, whatever images they name.",
      fixed: "The two lines about an image make a pair, wherever they stand, in both modes.",
    },
  ],
  defaultMode: "fixed",
  answers: "text-folder",
  idFields: [],
  answerFields: ["text"],
  options: { tasks: "the tasks that were answered, with commas between them (default: all fourteen)" },
  judged: false,
  open: openMme,
  async *prompts(annotations, options = {}): AsyncIterable<Prompt> {
    const tasks = chosenTasks(options["tasks"]);
    const { questions } = await readTemplates(annotations, tasks);
    for (const task of tasks) {
      if (questions.has(task)) continue;
      throw new UserError(
        `${annotations}: ${templateFile(task).path} is missing; get eval_tool.zip from ${REPOSITORY}`,
      );
    }
    for (const asked of [...questions.values()].flat()) {
      const { task, line, image, question } = asked;
      const prompt: MmePrompt = {
        id: `${task}/${line}`,
        image: imagePath(task, image),
        text: question,
        group: task,
        asked,
      };
      yield prompt;
    }
  },
  answerRow(prompt, answer) {
    const { task, image, question, label } = (prompt as MmePrompt).asked;
    // A line end or a tab within the answer would tear its row.
    return { file: `${task}.txt`, text: [image, question, label, answer.replace(/\s+/gu, " ")].join("\t") };
  },
};

/** A prompt that knows the line of the answer file that it belongs to. */
interface MmePrompt extends Prompt {
  asked: MmeQuestion;
}

async function openMme({ annotations, mode, options }: OpenOptions): Promise<Scorer> {
  const tasks = chosenTasks(options["tasks"]);
  if (annotations !== "") await requireFolder(annotations);
  const templates =
    annotations === ""
      ? { inputs: [], questions: new Map<string, MmeQuestion[]>() }
      : await readTemplates(annotations, tasks);
  const reader = new AnswerReader(tasks, templates.questions, mode);
  const sheet = new TallySheet();
  const otherwise = new ReadOtherwise();
  const settings: Record<string, string> = { tasks: tasks.join(",") };
  const halves = new Map<string, { row: FileRow; image: string; right: boolean }>();
  let n = 0;
  return {
    inputs: templates.inputs,
    settings,
    add(row: FileRow): void {
      const found = reader.read(row);
      if (found === null) return;
      const { task, image, label, answer } = found;
      const unit = `${task}/${image}`;
      const byWord = readFirstWord(answer);
      const said = mode === "strict" ? readPrefix(answer) : byWord;
      if (said !== byWord) otherwise.add(row, answer);
      const right = said === label;
      n += 1;
      sheet.add(unit, `${task}/questions`, 1);
      sheet.add(unit, `${task}/right`, right ? 1 : 0);
      sheet.add(unit, `${task}/other`, said === "other" ? 1 : 0);
      const half = halves.get(unit);
      if (half === undefined) {
        halves.set(unit, { row, image, right });
        return;
      }
      halves.delete(unit);
      sheet.add(unit, `${task}/pairs`, 1);
      sheet.add(unit, `${task}/both`, half.right && right ? 1 : 0);
    },
    finish(): Scored {
      const [half] = halves.values();
      if (half !== undefined) {
        throw new UserError(`${place(half.row)}: has no second question about its image ${shown(half.image)}; add it`);
      }
      const notes = [...reader.requireAll(), ...otherwise.notes()];
      if (tasks.some((task) => !templates.questions.has(task))) settings["labels"] = reader.labelHash();
      return {
        sheet,
        n,
        metrics: mmeMetrics(tasks),
        figures: (totals) => mmeFigures(tasks, totals),
        notes,
      };
    },
  };
}

function chosenTasks(option: string | undefined): readonly string[] {
  if (option === undefined) return TASKS;
  const chosen = option.split(",").map((task) => task.trim());
  const unknown = chosen.find((task) => !TASKS.includes(task));
  if (unknown === undefined) return TASKS.filter((task) => chosen.includes(task));
  throw new UserError(`option tasks names ${shown(unknown)}, expected some of ${TASKS.join(", ")}`);
}
