import { UserError } from "../../errors.js";
import { type FileRow, idField, place, SeenIds, shown, textField } from "../../files/rows.js";
import type { Benchmark, Metric, Mode, Prompt, Scored, Scorer } from "../benchmark.js";
import { checkComplete } from "../judging/verdicts.js";
import { ReadOtherwise } from "../yes-no.js";
import { TallySheet, type Totals } from "../tally-sheet.js";
import { GROUP, LIST, type NaturalItem, readNatural, REPOSITORY } from "./items.js";
import { clearAnswer, strictAnswer } from "./reading.js";

const SHARES = [
  ["g_acc", "groups with all four answers right (G-Acc)", "groups_right", "groups"],
  ["q_acc", "questions right on both images (Q-Acc)", "questions_right", "questions"],
  ["i_acc", "images with both questions right (I-Acc)", "images_right", "images"],
  ["acc", "answers right (Acc)", "right", "n"],
] as const;

/** NaturalBench (arXiv 2410.14669): two questions on two images, whose answers alternate. */
export const naturalBench: Benchmark = {
  name: "natural-bench",
  title: "NaturalBench",
  measures: "Whether a model looks at the image: two questions on two images, with opposite answers each.",
  source: {
    paper: "arXiv 2410.14669",
    repository: REPOSITORY,
    revision: "99676059da42c0094df345bb3333b1140a18483b",
  },
  files: [{ path: "data/*.parquet", holds: "1,900 groups, the whole benchmark, with images", optional: true }, LIST],
  defects: [
    {
      official: "In multiple choice the article `a` counts as option A.",
      fixed: "An option counts by its letter set off as one, or by its text.",
    },
    {
      official: "Right answers are taken to be yes, no, no, yes in every group, whatever the labels say.",
      fixed: "The labels are read.",
    },
    {
      official: "The script ends at the type `mcq`, which test_set.json uses for multiple choice.",
      fixed: "The type is known, in strict mode too.",
    },
  ],
  defaultMode: "fixed",
  answers: "json-array",
  idFields: ["id"],
  answerFields: ["response"],
  options: {},
  judged: false,
  async open({ annotations, mode }) {
    const { paths, items } = await readNatural(annotations);
    return new NaturalScorer(paths, items, mode);
  },
  async *prompts(annotations): AsyncGenerator<Prompt> {
    const { paths, items } = await readNatural(annotations);
    for (const [id, { image, prompt }] of items.entries()) {
      if (image === undefined) {
        throw new UserError(`${paths[0]}: holds its images inside; asking needs test_set.json, whose images are files`);
      }
      yield { id, image, text: prompt };
    }
  },
  answerRow: ({ id }, answer) => ({ id, response: answer }),
};

class NaturalScorer implements Scorer {
  readonly inputs: readonly string[];
  readonly settings = {};
  readonly #items: readonly NaturalItem[];
  readonly #mode: Mode;
  /** Whether each question was answered rightly. */
  readonly #right: (boolean | undefined)[];
  readonly #seen = new SeenIds("id");
  #file: string | undefined;
  readonly #otherwise = new ReadOtherwise();
  #unread = 0;

  constructor(inputs: readonly string[], items: readonly NaturalItem[], mode: Mode) {
    this.inputs = inputs;
    this.#items = items;
    this.#mode = mode;
    this.#right = items.map(() => undefined);
  }

  add(row: FileRow): void {
    this.#file = row.file;
    const [id, answer] = this.#read(row);
    const item = this.#items[id] as NaturalItem;
    this.#seen.add(row, String(id));
    const strict = this.#mode === "strict";
    const clear = clearAnswer(item, answer);
    const said = strict ? strictAnswer(item.kind, answer) : clear;
    if (said !== clear) this.#otherwise.add(row, answer);
    if (said === null) this.#unread += 1;
    const position = id % GROUP;
    this.#right[id] = said === (strict ? position === 0 || position === GROUP - 1 : item.first);
  }

  finish(): Scored {
    const ids = this.#items.map((_, id) => String(id));
    checkComplete(this.#file, ids, (id) => this.#seen.has(id));
    const sheet = new TallySheet();
    for (let start = 0; start < this.#right.length; start += GROUP) {
      const right = this.#right.slice(start, start + GROUP).map((each) => (each === true ? 1 : 0));
      const [q0i0, q0i1, q1i0, q1i1] = right as [number, number, number, number];
      const group = String(start / GROUP);
      sheet.add(group, "n", GROUP);
      sheet.add(group, "right", q0i0 + q0i1 + q1i0 + q1i1);
      sheet.add(group, "questions", 2);
      sheet.add(group, "questions_right", q0i0 * q0i1 + q1i0 * q1i1);
      sheet.add(group, "images", 2);
      sheet.add(group, "images_right", q0i0 * q1i0 + q0i1 * q1i1);
      sheet.add(group, "groups", 1);
      sheet.add(group, "groups_right", q0i0 * q0i1 * q1i0 * q1i1);
    }
    return {
      sheet,
      n: this.#items.length,
      metrics: SHARES.map(([name, title]): Metric => ({ name, title, better: "higher", digits: 2 })),
      figures: figuresOf,
      notes: [
        ...(this.#unread === 0 ? [] : [`${this.#unread} answers name neither option and count as wrong`]),
        ...this.#otherwise.notes(),
      ],
    };
  }

  /** The official answer file is a list of texts in order; rows with a position of their own may come in any order. */
  #read(row: FileRow): [id: number, answer: string] {
    const last = this.#items.length - 1;
    if (typeof row.value === "string") {
      const id = this.#seen.size;
      if (id <= last) return [id, row.value];
      throw new UserError(`${place(row)}: is one answer too many, expected ${this.#items.length}; remove it`);
    }
    const text = idField(row, "id");
    const id = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (id >= 0 && id <= last) return [id, textField(row, "response")];
    throw new UserError(`${place(row)}: field id is ${shown(text)}, expected a position from 0 to ${last}`);
  }
}

function figuresOf(totals: Totals): Record<string, number | null> {
  return Object.fromEntries(
    SHARES.map(([name, , part, whole]) => {
      const all = totals[whole] ?? 0;
      return [name, all === 0 ? null : (100 * (totals[part] ?? 0)) / all];
    }),
  );
}
