import { UserError } from "../../errors.js";
import { type FileRow, idField, place, SeenIds, shown, textField } from "../../files/rows.js";
import { CAPTION_PROMPT, CAPTION_WORDS } from "../../scenes/caption.js";
import { type EvaluationScene, readEvaluationScenes } from "../../scenes/world-files.js";
import { requireFile } from "../benchmark-files.js";
import type { Benchmark, BenchmarkFile, Prompt, Scored, Scorer } from "../benchmark.js";
import { checkComplete, requireQuestion } from "../judging/verdicts.js";
import { TallySheet } from "../tally-sheet.js";
import { readYesNoByWord } from "../yes-no.js";
import { captionObjects } from "./caption-objects.js";
import { sceneFigures, sceneMetrics } from "./figures.js";

const SOURCE = "the built-in world (docs/scenes.md)";
const SCENES: BenchmarkFile = { path: ".", holds: "drawn evaluation scenes: --annotations is their Parquet file" };

/** What is asked of a scene: for a caption, where `truth` is absent, else a yes/no question. */
interface SceneQuestion {
  scene: EvaluationScene;
  text: string;
  truth?: EvaluationScene["questions"][number];
}

/** Drawn scenes: a caption of each, and yes/no questions about objects and other facts. */
export const scenes: Benchmark = {
  name: "scenes",
  title: "Drawn scenes",
  measures: "Whether captions of drawn scenes, and answers to yes/no questions about them, say what is not there.",
  source: { paper: "CHAIR after arXiv 1809.02156", repository: SOURCE, revision: "that of the file" },
  files: [SCENES],
  defects: [],
  defaultMode: "fixed",
  answers: "jsonl",
  idFields: ["question_id"],
  answerFields: ["answer"],
  options: {},
  judged: false,
  imageColumn: "image",
  asking: { maxNewTokens: 24, batchSize: 250 },
  open: async ({ annotations }) => new ScenesScorer(annotations, await readScenes(annotations)),
  async *prompts(annotations): AsyncGenerator<Prompt> {
    const asked = [...questionsOf(await readScenes(annotations))];
    const captions = asked.filter(([, { truth }]) => truth === undefined);
    // Of like length together: a batch is as long as its longest question.
    const others = asked
      .filter(([, { truth }]) => truth !== undefined)
      .sort(([, { text: a }], [, { text: b }]) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0));
    for (const [id, { scene, text }] of [...captions, ...others]) yield { id, image: scene.id, row: scene.row, text };
  },
  answerRow: ({ id, text }, answer) => ({ question_id: id, question: text, answer }),
};

async function readScenes(annotations: string): Promise<EvaluationScene[]> {
  return readEvaluationScenes(await requireFile(annotations, SCENES, SOURCE));
}

function* questionsOf(drawn: readonly EvaluationScene[]): Generator<[id: string, question: SceneQuestion]> {
  for (const scene of drawn) {
    yield [`${scene.id}/caption`, { scene, text: CAPTION_PROMPT }];
    for (const [at, truth] of scene.questions.entries())
      yield [`${scene.id}/${at}`, { scene, text: truth.text, truth }];
  }
}

/** The captions in an answer file of scenes, by the scene's id. */
export function captionsOf(rows: readonly { question_id: string; answer: string }[]): Map<string, string> {
  return new Map(
    rows.flatMap(({ question_id: id, answer }) =>
      id.endsWith("/caption") ? [[id.slice(0, -"/caption".length), answer] as const] : [],
    ),
  );
}

/** Scores what was said of scenes. */
export class ScenesScorer implements Scorer {
  readonly inputs: readonly string[];
  readonly settings = {};
  readonly #questions: ReadonlyMap<string, SceneQuestion>;
  readonly #seen = new SeenIds("question_id");
  readonly #sheet = new TallySheet();
  #file: string | undefined;

  /**
   * @param path - Their file.
   * @param drawn - What is true of them.
   */
  constructor(path: string, drawn: readonly EvaluationScene[]) {
    this.inputs = [path];
    this.#questions = new Map(questionsOf(drawn));
  }

  add(row: FileRow): void {
    this.#file = row.file;
    const id = idField(row, "question_id");
    const question = this.#questions.get(id);
    if (question === undefined) {
      const first = shown(this.#questions.keys().next().value);
      throw new UserError(
        `${place(row)}: field question_id is ${shown(id)}, expected that of a scene, such as ${first}`,
      );
    }
    requireQuestion(row, "question", question.text);
    this.#seen.add(row, id);
    const answer = textField(row, "answer");
    const counts =
      question.truth === undefined ? countCaption(question.scene, answer) : countAnswer(question.truth, answer);
    for (const [column, value] of Object.entries(counts)) this.#sheet.add(question.scene.id, column, value);
  }

  finish(): Scored {
    checkComplete(this.#file, this.#questions.keys(), (id) => this.#seen.has(id));
    const asked = [...this.#questions.values()].flatMap(({ truth }) => (truth === undefined ? [] : [truth.kind]));
    return { sheet: this.#sheet, n: this.#seen.size, metrics: sceneMetrics(new Set(asked)), figures: sceneFigures };
  }
}

/** What a caption says of a scene; mentions are counted as often as they come. */
function countCaption(scene: EvaluationScene, caption: string): Record<string, number> {
  const present = new Set(scene.objects);
  const mentions = captionObjects(caption);
  const absent = mentions.filter((object) => !present.has(object)).length;
  const words = caption.match(/\p{L}+/gu) ?? [];
  return {
    captions: 1,
    hallucinated: absent > 0 ? 1 : 0,
    mentions: mentions.length,
    absent,
    objects: present.size,
    named: new Set(mentions.filter((object) => present.has(object))).size,
    words: words.length,
    foreign: words.some((word) => !CAPTION_WORDS.has(word.toLowerCase())) ? 1 : 0,
    repeating: new Set(mentions).size < mentions.length ? 1 : 0,
  };
}

function countAnswer({ kind, answer }: EvaluationScene["questions"][number], text: string): Record<string, number> {
  const truth = readYesNoByWord(answer);
  const said = readYesNoByWord(text);
  return {
    questions: 1,
    yes: truth === "yes" ? 1 : 0,
    said_yes: said === "yes" ? 1 : 0,
    true_yes: said === "yes" && truth === "yes" ? 1 : 0,
    right: said === truth ? 1 : 0,
    [`${kind}/questions`]: 1,
    [`${kind}/right`]: said === truth ? 1 : 0,
  };
}
