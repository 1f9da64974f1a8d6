import { expect } from "chai";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import type { NaturalItem } from "../../src/evaluation/natural-bench/items.js";
import { naturalBench } from "../../src/evaluation/natural-bench/natural-bench.js";
import { clearAnswer, strictAnswer } from "../../src/evaluation/natural-bench/reading.js";
import { annotated, type Files } from "./scripted-judge.js";

const YES_NO = "Please answer Yes or No.";
const LETTER = "Please output the letter corresponding to the correct option.";
const HAT = `What is worn?\nOption: A:Knit cap; B:Helmet;${LETTER}`;
const SPORT = `What is done?\nOption: A:Rollerblading; B:Skateboarding;${LETTER}`;
/** Three groups; in the second, the labels are not yes, no, no, yes. */
const LIST = [
  [`Is it up?${YES_NO}`, "1.jpg", "Yes", "yes_no"],
  [`Is it up?${YES_NO}`, "2.jpg", "No", "yes_no"],
  [`Is it down?${YES_NO}`, "1.jpg", "No", "yes_no"],
  [`Is it down?${YES_NO}`, "2.jpg", "Yes", "yes_no"],
  [`Is it wet?${YES_NO}`, "3.jpg", "No", "yes_no"],
  [`Is it wet?${YES_NO}`, "4.jpg", "Yes", "yes_no"],
  [`Is it dry?${YES_NO}`, "3.jpg", "Yes", "yes_no"],
  [`Is it dry?${YES_NO}`, "4.jpg", "No", "yes_no"],
  [HAT, "5.jpg", "A", "mcq"],
  [HAT, "6.jpg", "B", "mcq"],
  [SPORT, "5.jpg", "B", "mcq"],
  [SPORT, "6.jpg", "A", "mcq"],
];
const RIGHT = ["Yes", "No", "No", "Yes", "No", "Yes", "Yes", "No", "A", "B", "B", "A"];

describe("NaturalBench", () => {
  let files: Files;
  before(async () => {
    files = await annotated(naturalBench, { "test_set.json": LIST });
  });
  after(() => files.remove());

  it("counts answers, questions, images and groups", async () => {
    const all = await files.score(RIGHT);
    expect(all.n).to.equal(12);
    expect(all.bootstrap?.images).to.equal(3);
    expect(all.metrics).to.deep.equal({ g_acc: 100, q_acc: 100, i_acc: 100, acc: 100 });
    // One wrong in the first group; in the third both about one image, one of each question.
    const some = ["Yes", "No", "No", "No", "No", "Yes", "Yes", "No", "B", "B", "A", "A"];
    const { metrics } = await files.score(some);
    expect(metrics["acc"]).to.equal(75);
    expect(metrics["q_acc"]).to.equal(50);
    expect(metrics["i_acc"]).to.be.closeTo((100 * 4) / 6, 1e-9);
    expect(metrics["g_acc"]).to.be.closeTo(100 / 3, 1e-9);
  });

  it("expects yes, no, no, yes in strict mode", async () => {
    const { metrics } = await files.score(RIGHT, { mode: "strict" });
    expect(metrics["acc"]).to.be.closeTo(200 / 3, 1e-9);
    expect(metrics["g_acc"]).to.be.closeTo(200 / 3, 1e-9);
  });

  it("reads answers", () => {
    const yesNo: [string, boolean | null][] = [
      ["Yes.", true],
      ["NO", false],
      ["no, yes", false],
      ["It is yes or no", true],
      ["I do not know", null],
      ["nothing", null],
      ["", null],
      ["yés, no", false],
    ];
    for (const [answer, said] of yesNo) {
      expect(strictAnswer("yes_no", answer), answer).to.equal(said);
      expect(clearAnswer({ kind: "yes_no", prompt: "" } as NaturalItem, answer), answer).to.equal(said);
    }
    const item: NaturalItem = { prompt: HAT, kind: "multiple_choice", first: true, image: undefined };
    const letters: [string, boolean | null, boolean | null][] = [
      ["A", true, true],
      ["b.", false, false],
      ["B: Helmet", false, false],
      ["(b)", false, false],
      ["Because a dog wears it, B", true, false],
      ["This is a photo. The answer is B.", true, false],
      ["a helmet", true, false],
      ["The person wears a knit cap", true, true],
      ["Knit cap", null, true],
      ["I would say B it is", false, false],
      ["A man", true, null],
      ["a dog", true, null],
      ["nothing", null, null],
    ];
    for (const [answer, strict, clear] of letters) {
      expect(strictAnswer("multiple_choice", answer), answer).to.equal(strict);
      expect(clearAnswer(item, answer), answer).to.equal(clear);
    }
  });

  it("notes answers that name neither option", async () => {
    const { metrics, notes } = await files.score(["Maybe", ...RIGHT.slice(1)]);
    expect(metrics["acc"]).to.be.closeTo(1100 / 12, 1e-9);
    expect(notes.join()).to.include("1 answers name neither option and count as wrong");
  });

  it("reads the whole benchmark from its Parquet files", async () => {
    const text = (name: string, data: string[]): { name: string; data: string[]; type: "STRING" } => ({
      name,
      data,
      type: "STRING",
    });
    const table = new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          text("Question_0", ["Is it up?", "What is worn?\nOption: A:Cap; B:Helmet;"]),
          text("Question_1", ["Is it down?", "What is done?\nOption: A:Run; B:Swim;"]),
          text("Image_0_Question_0", ["Yes", "A"]),
          text("Image_1_Question_0", ["No", "B"]),
          text("Image_0_Question_1", ["No", "B"]),
          text("Image_1_Question_1", ["Yes", "A"]),
          text("Question_Type", ["yes_no", "multiple_choice"]),
        ],
      }),
    );
    const whole = await annotated(naturalBench, { "data/train-0.parquet": table });
    try {
      const { metrics, inputs } = await whole.score(["Yes", "No", "No", "Yes", "A", "B", "B", "B"]);
      expect(metrics).to.deep.equal({ g_acc: 50, q_acc: 75, i_acc: 75, acc: 87.5 });
      expect(Object.keys(inputs)[0]).to.equal("annotations/data/train-0.parquet");
      const error = await (async () => {
        for await (const prompt of naturalBench.prompts?.(whole.folder) ?? []) return prompt;
        return undefined;
      })().catch((cause: unknown) => cause);
      expect((error as Error).message).to.include("asking needs test_set.json");
    } finally {
      await whole.remove();
    }
    const other = await annotated(naturalBench, { "x.parquet": "no table" });
    expect(await other.complaint(RIGHT)).to.include("cannot be read as NaturalBench");
    await other.remove();
  });

  it("hands out questions and takes the answers to them in any order", async () => {
    const prompts: Prompt[] = [];
    for await (const prompt of naturalBench.prompts?.(files.folder) ?? []) prompts.push(prompt);
    expect(prompts[3]).to.deep.equal({ id: 3, image: "2.jpg", text: `Is it down?${YES_NO}` });
    const rows = prompts.map((prompt, at) => naturalBench.answerRow?.(prompt, RIGHT[at] as string));
    expect((await files.score(rows.reverse())).metrics["g_acc"]).to.equal(100);
  });

  it("names what is wrong", async () => {
    const wrong: [unknown, string][] = [
      [RIGHT.slice(0, 5), 'found 5 of 12 answers, missing "5" and 6 more'],
      [[...RIGHT, "Yes"], "element 13: is one answer too many, expected 12"],
      [[{ id: 12, response: "Yes" }], 'element 1: field id is "12", expected a position from 0 to 11'],
      [
        [
          { id: 1, response: "Yes" },
          { id: 1, response: "Yes" },
        ],
        'element 2: field id is "1" again',
      ],
      [[{ id: 1 }], "element 1: field response is missing"],
      [[7], "element 1: found 7, expected an object"],
    ];
    for (const [answers, message] of wrong) expect(await files.complaint(answers)).to.include(message);
    const broken: [unknown, string][] = [
      [LIST.slice(1), "holds 11 questions, expected groups of 4"],
      [[["Q", "1.jpg", "Perhaps", "yes_no"]], 'element 1: field answer is "Perhaps", expected Yes, No, A or B'],
      [[["Q", "1.jpg", "Yes", "open"]], 'element 1: field Question_Type is "open"'],
      [["Q"], 'element 1: found "Q", expected question, image, answer and type'],
    ];
    for (const [list, message] of broken) {
      const other = await annotated(naturalBench, { "test_set.json": list });
      expect(await other.complaint(RIGHT)).to.include(message);
      await other.remove();
    }
  });
});
