import { UserError } from "../../errors.js";
import { type FileRow, place, readTextLines, shown } from "../../files/rows.js";
import type { Benchmark, Prompt } from "../benchmark.js";
import { containedRows } from "./containers.js";
import type { Fields, Layout } from "./layout.js";
import { llava } from "./llava.js";
import { lmmsEvalSamples } from "./lmms-eval-samples.js";
import { mappedLayout } from "./mapped.js";
import { openaiBatch } from "./openai-batch.js";
import { QuestionIndex } from "./question-index.js";
import { vlmevalkit } from "./vlmevalkit.js";

/** Layouts whose marks no benchmark's own rows have. */
const DISTINCT: readonly Layout[] = [openaiBatch, lmmsEvalSamples, vlmevalkit];
/** All layouts, in the order in which they are tried. */
const LAYOUTS: readonly Layout[] = [...DISTINCT, llava];

/** Rows as a benchmark's scorer takes them, out of a file of any known layout. */
export class AnswerFile {
  readonly #benchmark: Benchmark;
  readonly #annotations: string;
  readonly #options: Readonly<Record<string, string>>;
  readonly #map: readonly string[];
  #layout: Layout | undefined;
  #rows = 0;

  /**
   * @param benchmark - What is answered.
   * @param annotations - Folder of its annotations, which tell the questions of answers in other layouts than its own.
   * @param options - Options of the benchmark's own.
   * @param map - Fields that the user names; see {@link mappedLayout}.
   */
  constructor(
    benchmark: Benchmark,
    annotations: string,
    options: Readonly<Record<string, string>>,
    map: readonly string[],
  ) {
    this.#benchmark = benchmark;
    this.#annotations = annotations;
    this.#options = options;
    this.#map = map;
  }

  /** What a result says of the layout; nothing where it is the benchmark's own. */
  notes(): string[] {
    return this.#layout === undefined
      ? []
      : [`the answers were read from ${this.#layout.name} (${this.#layout.marks})`];
  }

  /**
   * Reads a file.
   *
   * @param path - The file.
   * @throws UserError when its layout is unknown, or a row fits no question.
   */
  async *rows(path: string): AsyncGenerator<FileRow, void, undefined> {
    const { answers } = this.#benchmark;
    if (answers === "text-folder" && path.endsWith(".txt")) {
      if (this.#map.length > 0)
        throw new UserError("--map names fields, and a folder of text files has none; leave it out");
      yield* readTextLines(path);
      return;
    }
    let index: QuestionIndex | undefined;
    let layout: Layout | undefined;
    for await (const row of containedRows(path, answers === "json-array" ? answers : "jsonl")) {
      if (this.#rows === 0) this.#layout = this.#map.length > 0 ? mappedLayout(this.#map) : this.#told(row);
      this.#rows += 1;
      layout = this.#layout;
      if (layout === undefined) {
        yield row;
        continue;
      }
      const fields = fieldsOf(row);
      if (fields === undefined || !layout.knows(fields)) {
        throw new UserError(
          `${place(row)}: is not of the layout of the rows before it (${layout.marks}); mend or remove it`,
        );
      }
      index ??= await this.#index();
      const answer = layout.read(row, fields);
      for (const prompt of index.find(row, answer)) {
        yield { ...row, value: this.#benchmark.answerRow?.(prompt, answer.answer) };
      }
    }
  }

  /** The layout of a row; undefined for the benchmark's own, whose scorer says what is wrong with it. */
  #told(row: FileRow): Layout | undefined {
    const fields = fieldsOf(row);
    if (fields === undefined) {
      if (this.#benchmark.answers !== "text-folder") return undefined;
      throw new UserError(
        `${place(row)}: found ${shown(row.value)}, expected an object; ${this.#benchmark.name} takes a folder of text files, or ` +
          `rows of ${LAYOUTS.map((layout) => layout.name).join(", ")}`,
      );
    }
    const distinct = DISTINCT.find((layout) => layout.knows(fields));
    if (distinct !== undefined) return distinct;
    const { idFields, answerFields, answers, name } = this.#benchmark;
    const has = (names: readonly string[]): boolean => names.some((each) => Object.hasOwn(fields, each));
    // Rows of judged answers may hold a verdict in place of the answer, and be told by their position.
    if (idFields.length === 0 && answers !== "text-folder") return undefined;
    if (has(answerFields) && has(idFields)) return undefined;
    if (llava.knows(fields)) return llava;
    const lacks = has(answerFields) ? idFields[0] : answerFields[0];
    const found = Object.keys(fields).slice(0, 8);
    const own = [idFields[0], answerFields[0]].filter((each) => each !== undefined).join(", ");
    const known = LAYOUTS.map((layout) => `${layout.name} (${layout.marks})`).join(", ");
    throw new UserError(
      `${place(row)}: field ${lacks ?? answerFields[0] ?? "answer"} is missing; found the fields ${found.map(short).join(", ") || "none"}, ` +
        `expected those of ${name} (${own === "" ? "a folder of text files" : own}) or of ${known}; ` +
        "or say which field is which: --map id=<field> --map answer=<field>",
    );
  }

  async #index(): Promise<QuestionIndex> {
    const { name } = this.#benchmark;
    if (this.#benchmark.prompts === undefined || this.#annotations === "") {
      throw new UserError(
        `--annotations is missing; answers in another layout than ${name}'s own are told by its questions`,
      );
    }
    const all: Prompt[] = [];
    for await (const prompt of this.#benchmark.prompts(this.#annotations, this.#options)) all.push(prompt);
    return new QuestionIndex(name, all);
  }
}

function fieldsOf({ value }: FileRow): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function short(name: string): string {
  return JSON.stringify(name).slice(1, -1).slice(0, 24);
}
