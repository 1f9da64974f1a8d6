import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { type FileRow, place, SeenIds, textField } from "../../files/rows.js";
import { findFile, requireFile } from "../benchmark-files.js";
import type { Benchmark, BenchmarkFile, OpenOptions, Prompt, Scored, Scorer } from "../benchmark.js";
import { readSynonyms } from "../chair/synonyms.js";
import { type JudgePrompt, openPrompt } from "../judging/official-script.js";
import { choice, Judging } from "../judging/verdicts.js";
import { TallySheet } from "../tally-sheet.js";
import { extracted, type ExtractionPrompt, officialExtraction, ownExtraction, SETTINGS, SHORT } from "./extraction.js";
import { COCO_FILES, findTruth, readTruth, TRUTH, type TruthFiles } from "./ground-truth.js";
import { figuresOf, METRICS } from "./figures.js";
import { type Mention, ObjectNames } from "./objects.js";
import { imageId, type Question, QUESTIONS, readQuestions } from "./questions.js";

const REPOSITORY = "https://github.com/RLHF-V/RLHF-V";
const OPTIONS = {
  extract: "judge (default), or text: objects are looked for in the answer's own words and no judge is asked",
  script: "path of the official script from which the judge's prompt is read, where it lies elsewhere",
};
const SYNONYMS: BenchmarkFile = {
  path: "eval/data/synonyms_refine.txt",
  also: ["synonyms_refine.txt"],
  holds: "words for COCO's objects",
  bytes: 3594,
  sha256: "681041d2958d7871ed6fa69c3108f34aa6a0a354eb53ed4c5a425e65f86bc72a",
};
const SCRIPT: BenchmarkFile = {
  path: "eval/eval_gpt_obj_halbench.py",
  also: ["eval_gpt_obj_halbench.py"],
  holds: "the judge's prompt; needed in strict mode",
  bytes: 28366,
  sha256: "5e236ec33f6917ba73dbff2e1f2d57957205d4cf71d104adb6c53ae0b0b17e71",
  optional: true,
};
/** Object HalBench (arXiv 1809.02156 in the form of RLHF-V, arXiv 2312.00849): objects of descriptions against COCO's. */
export const objectHalbench: Benchmark = {
  name: "object-halbench",
  title: "Object HalBench",
  measures: "Objects that detailed descriptions of 300 images name although they are not there, extracted by a judge.",
  source: { paper: "arXiv 2312.00849", repository: REPOSITORY, revision: "8daac8a8f30df123818ae9d3a0e3f0018497714c" },
  files: [SYNONYMS, SCRIPT, QUESTIONS, TRUTH, ...COCO_FILES],
  defects: [
    {
      official:
        "The judge is asked at temperature 0.2 and cut off after 512 tokens, so that figures change from run to run.",
      fixed: "The judge is asked at temperature 0 for up to 2,048 tokens.",
    },
    {
      official:
        "A list of objects in a fenced block or within other text is not read; after 100 tries the script ends.",
      fixed: "The last list in the judge's answer is read; in either mode scoring gives up after five.",
    },
    {
      official: "Objects of three words never match.",
      fixed: "They do.",
    },
  ],
  defaultMode: "fixed",
  answers: "jsonl",
  idFields: [],
  answerFields: ["answer", "text"],
  options: OPTIONS,
  judged: true,
  async open(options) {
    const { annotations, mode } = options;
    const fromText = choice(options.options, "extract", ["judge", "text"]) === "text";
    const synonyms = await requireFile(annotations, SYNONYMS, REPOSITORY);
    const names = new ObjectNames(await readSynonyms(synonyms, mode));
    const truth = await findTruth(annotations);
    const questions = await findFile(annotations, QUESTIONS);
    const prompt = await openPrompt(options, SCRIPT, officialExtraction, ownExtraction);
    return new HalbenchScorer({
      options,
      names,
      truth,
      prompt,
      fromText,
      synonyms,
      questions: await readQuestions(questions),
    });
  },
  async *prompts(annotations): AsyncGenerator<Prompt> {
    const path = await requireFile(annotations, QUESTIONS, REPOSITORY);
    let id = 0;
    for (const { image, question } of (await readQuestions(path)) ?? []) {
      yield { id: id++, image: `COCO_val2014_${image.padStart(12, "0")}.jpg`, text: question };
    }
  },
  answerRow: ({ id, image, text }, answer) => ({
    question_id: id,
    image_id: Number(/(\d+)\.jpg$/.exec(basename(image))?.[1]),
    prompt: text,
    text: answer,
  }),
};

interface Parts {
  options: OpenOptions;
  names: ObjectNames;
  truth: TruthFiles;
  prompt: JudgePrompt<ExtractionPrompt>;
  /** Whether objects are looked for in the answer itself. */
  fromText: boolean;
  /** Path of the synonyms. */
  synonyms: string;
  questions: readonly Question[] | undefined;
}

interface Response {
  image: string;
  words: number;
  mentions: Mention[];
}

class HalbenchScorer implements Scorer {
  readonly inputs: readonly string[];
  readonly #parts: Parts;
  readonly #judging: Judging<ExtractionPrompt>;
  readonly #seen = new SeenIds("image_id");
  readonly #responses: Response[] = [];
  #file = "";

  constructor(parts: Parts) {
    const { options, prompt, truth, synonyms, fromText } = parts;
    this.inputs = [synonyms, ...truth.paths, ...(fromText ? [] : prompt.inputs)];
    this.#parts = parts;
    this.#judging = new Judging(options, SETTINGS[options.mode], prompt);
  }

  get settings(): Record<string, string> {
    const { fromText, truth } = this.#parts;
    return {
      extract: fromText ? "text" : "judge",
      ground_truth: truth.kind,
      tagger: "wink-pos-tagger and WordNet in place of spaCy en_core_web_trf",
      ...this.#judging.settings(),
    };
  }

  async add(row: FileRow): Promise<void> {
    const { options, names, fromText } = this.#parts;
    this.#file = row.file;
    const asked = this.#questionOf(row);
    const answer = textOf(row, ["text", "answer"]).replaceAll("Assistant:", "").trim();
    this.#seen.add(row, `${asked.image} ${asked.question}`);
    const response: Response = { image: asked.image, words: answer.split(" ").length, mentions: [] };
    this.#responses.push(response);
    if (fromText) {
      response.mentions = names.inText(answer);
      return;
    }
    if (answer.split(/\s+/).length <= SHORT) return;
    const where = place(row);
    const compose = (prompt: ExtractionPrompt) => prompt(asked.question, answer);
    await this.#judging.converse(row, compose, async (judge, messages) => {
      const found = await extracted(judge, messages, options.mode);
      if (found === null) {
        throw new UserError(`${where}: judge ${judge.name} gave no JSON list of objects; take a more capable judge`);
      }
      response.mentions = names.inList(found.names);
      return found.model;
    });
  }

  async finish(): Promise<Scored> {
    await this.#judging.drained();
    const { names, truth: files, questions } = this.#parts;
    const n = this.#responses.length;
    if (questions !== undefined && n < questions.length) {
      throw new UserError(`${this.#file}: found ${n} of ${questions.length} answers; answer every question`);
    }
    const truth = await readTruth(files, new Set(this.#responses.map(({ image }) => image)), names);
    const sheet = new TallySheet();
    for (const { image, words, mentions } of this.#responses) {
      const objects = truth.get(image) as ReadonlySet<string>;
      const absent = mentions.filter(({ object }) => !objects.has(object)).length;
      const found = new Set(mentions.map(({ object }) => object).filter((object) => objects.has(object))).size;
      sheet.add(image, "n", 1);
      sheet.add(image, "naming", mentions.length > 0 ? 1 : 0);
      sheet.add(image, "hallucinating", absent > 0 ? 1 : 0);
      sheet.add(image, "mentions", mentions.length);
      sheet.add(image, "hallucinated", absent);
      sheet.add(image, "objects", objects.size);
      sheet.add(image, "found", found);
      sheet.add(image, "words", words);
    }
    return { sheet, n, metrics: METRICS, figures: figuresOf };
  }

  #questionOf(row: FileRow): Question {
    const value = textOf(row, ["prompt", "question"]);
    if (Object.hasOwn(row.value as object, "image_id")) return { image: imageId(row), question: value };
    const asked = this.#parts.questions?.[this.#responses.length];
    if (asked !== undefined) return { image: asked.image, question: value };
    return { image: imageId(row), question: value };
  }
}

function textName(row: FileRow, names: readonly [string, ...string[]]): string {
  const value = row.value as Record<string, unknown> | null;
  return names.find((name) => typeof value?.[name] === "string") ?? names[0];
}

function textOf(row: FileRow, names: readonly [string, ...string[]]): string {
  return textField(row, textName(row, names));
}
