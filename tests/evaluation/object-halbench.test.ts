import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import { synonymsOf } from "../../src/evaluation/chair/synonyms.js";
import { cocoElements } from "../../src/evaluation/object-halbench/coco-members.js";
import { strictList, wrappedList } from "../../src/evaluation/object-halbench/extraction.js";
import { objectHalbench } from "../../src/evaluation/object-halbench/object-halbench.js";
import { ObjectNames } from "../../src/evaluation/object-halbench/objects.js";
import { annotated, type Files, scriptedJudge } from "./scripted-judge.js";

const SYNONYMS = `person, man, woman, player
dog, puppy
wine glass, glass
toilet
chair, seat
dining table, table
kite
bus
`;
const SCRIPT = `prompt_template = """Objects of {question} in {answer}? [\\"a\\"]
"""
`;
const QUESTION = "Describe the picture.";
/** What the judge lists, by image: objects there are dog and person in 1, kite in 2, nothing in 3 and 4. */
const TRUTH = { 1: ["dog", "person"], 2: ["kite"], 3: [], 4: [] };
const LISTS: Record<string, string> = {
  "1": '["dogs", "a man", "women", "wine glasses", "baseball player", "sky"]',
  "2": '["red kites", "kite"]',
  "3": '["sea"]',
};
const answers = ["1", "2", "3", "4"].map((image) => ({
  question_id: 0,
  image_id: Number(image),
  prompt: QUESTION,
  text: image === "4" ? "Assistant: A dog runs" : `Assistant: Answer ${image} has  words `,
}));
const lines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join("\n");
const reply = (text: string): string => LISTS[/Answer (\d)/.exec(text)?.[1] ?? ""] as string;
const FILES = { "synonyms_refine.txt": SYNONYMS, "eval_gpt_obj_halbench.py": SCRIPT, "ground_truth.json": TRUTH };

describe("Object HalBench", () => {
  let files: Files;
  before(async () => {
    files = await annotated(objectHalbench, FILES);
  });
  after(() => files.remove());

  it("checks the objects that a judge lists against those in the image", async () => {
    const judge = scriptedJudge(reply);
    const { metrics, n, settings, bootstrap } = await files.score(lines(answers), { judge, mode: "strict" });
    expect(n).to.equal(4);
    expect(bootstrap?.images).to.equal(4);
    // 1 names dog, man, woman and wine glass (the player is part of a longer word), 2 names kite, 3 and 4 nothing.
    expect(metrics["chair_i"]).to.equal((100 * 1) / 5);
    expect(metrics["chair_s"]).to.equal(50);
    expect(metrics["chair_s_all"]).to.equal(25);
    expect(metrics["recall"]).to.equal(100);
    // Four answers of "Answer n has  words" and "A dog runs": five with the empty one, three.
    expect(metrics["words"]).to.equal((5 + 5 + 5 + 3) / 4);
    expect(settings).to.include({
      extract: "judge",
      ground_truth: "table",
      judge: "scripted",
      judge_prompt: "official",
    });
    expect(settings["judge_settings"]).to.include('"temperature":0.2');
    // Three words are too few to ask about.
    expect(judge.asked).to.have.length(3);
    expect(judge.asked[0]?.messages).to.deep.equal([
      { role: "system", content: `Objects of ${QUESTION} in Answer 1 has  words? ["a"]\n` },
    ]);
  });

  it("looks for objects in the answer's own words, where asked to", async () => {
    const told = ["A puppy and a man, a man with a kite.", "Kites!", "The toilet, its seat and wine glasses.", "Sky"];
    const rows = answers.map((answer, at) => ({ ...answer, text: told[at] }));
    const { metrics, settings } = await files.score(lines(rows), { options: { extract: "text" } });
    expect(settings).to.include({ extract: "text" }).and.not.have.property("judge");
    // Mentions: puppy, man, man, kite; kite; toilet, wine glass. Kite in 1 and both in 3 are not there.
    expect(metrics["chair_i"]).to.be.closeTo((100 * 3) / 7, 1e-9);
    expect(metrics["chair_s"]).to.be.closeTo((100 * 2) / 3, 1e-9);
    expect(metrics["recall"]).to.equal(100);
  });

  it("asks again for a list, five times at most", async () => {
    const judge = scriptedJudge((text, again) => (text.includes("Answer 2") && again < 4 ? "no list" : reply(text)));
    const { metrics } = await files.score(lines(answers), { judge });
    expect(metrics["chair_i"]).to.equal(20);
    expect(judge.asked.map(({ again }) => again).sort()).to.deep.equal([0, 0, 0, 1, 2, 3, 4]);
    const never = scriptedJudge((text) => (text.includes("Answer 2") ? "no list" : reply(text)));
    expect(await files.complaint(lines(answers), { judge: never })).to.include(
      "line 2: judge scripted gave no JSON list of objects",
    );
  });

  it("reads lists", () => {
    const cases: [string, string[] | null, string[] | null][] = [
      ['["a", "b"]', ["a", "b"], ["a", "b"]],
      ["[]", [], []],
      ['Here:\n["a"]', ["a"], ["a"]],
      ['```json\n["a"]\n```', null, ["a"]],
      ['["a"] are all', null, ["a"]],
      ["[1]", null, null],
      ['{"objects": "a"}', null, null],
      ["()", null, null],
      ["none", null, null],
    ];
    for (const [content, strict, wrapped] of cases) {
      expect(strictList(content), content).to.deep.equal(strict);
      expect(wrappedList(content), content).to.deep.equal(wrapped);
    }
  });

  it("names objects once by word, phrases before nouns", () => {
    const names = new ObjectNames(
      synonymsOf(
        SYNONYMS.trim()
          .split("\n")
          .map((line) => line.split(", ")),
        "strict",
      ),
    );
    const named = (list: string[]): string[] => names.inList(list).map(({ word, object }) => `${word}=${object}`);
    expect(named(["dog", "dogs", "Dog"])).to.deep.equal(["dog=dog"]);
    expect(named(["man", "woman"])).to.deep.equal(["man=person", "woman=person"]);
    expect(named(["small wooden dining table"])).to.deep.equal(["dining table=dining table"]);
    expect(named(["baby dog", "passenger train", "home plate"])).to.deep.equal(["dog=dog"]);
    expect(named(["toilet", "seat"])).to.deep.equal(["toilet=toilet"]);
    expect(named(["seat"])).to.deep.equal(["seat=chair"]);
    expect(named([""])).to.deep.equal([]);
  });

  it("takes the objects of images from COCO's annotations", async () => {
    const coco = await annotated(objectHalbench, {
      "eval/data/synonyms_refine.txt": SYNONYMS,
      "annotations/instances_val2014.json": {
        info: { description: 'with "marks" [' },
        images: [{ id: 1 }],
        annotations: [
          { segmentation: [[1, 2]], image_id: 1, category_id: 18, id: 7 },
          { image_id: 99, category_id: 18, id: 8 },
        ],
        categories: [{ id: 18, name: "dog", supercategory: "animal" }],
      },
      "annotations/captions_val2014.json": {
        annotations: [
          { image_id: 1, id: 1, caption: "Two women and a sky." },
          { image_id: 2, id: 2, caption: "Kites fly." },
          { image_id: 3, id: 3, caption: "The sea." },
        ],
      },
      "captions_train2014.json": { annotations: [{ image_id: 4, id: 4, caption: "Sand." }] },
    });
    try {
      const { metrics, settings, inputs } = await coco.score(lines(answers), { judge: scriptedJudge(reply) });
      expect(metrics).to.include({ chair_i: 20, chair_s: 50, chair_s_all: 25, recall: 100 });
      expect(settings).to.include({ ground_truth: "coco", judge_prompt: "own" });
      expect(Object.keys(inputs)).to.include("annotations/annotations/instances_val2014.json");
      const other = { ...answers[0], image_id: "COCO_val2014_000000000005.jpg" };
      expect(await coco.complaint(lines([other]), { judge: scriptedJudge(reply) })).to.include(
        'image "5" of the answers',
      );
    } finally {
      await coco.remove();
    }
  });

  it("cuts COCO's files into elements, wherever pieces of the file end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "scpo-coco-"));
    const path = join(folder, "coco.json");
    const elements = Array.from({ length: 3000 }, (_, id) => ({
      id,
      text: `"} ]\\ ${"x".repeat(id % 97)}`,
      in: [{ a: {} }],
    }));
    await writeFile(path, JSON.stringify({ info: { a: [1, { b: "]" }] }, other: elements, list: elements, end: 1 }));
    const found: unknown[] = [];
    for await (const { list, bytes } of cocoElements(path, ["list"])) {
      expect(list).to.equal("list");
      found.push(JSON.parse(bytes.toString()));
    }
    expect(found).to.deep.equal(elements);
    const complaint = async (content: string): Promise<string> => {
      await writeFile(path, content);
      try {
        for await (const element of cocoElements(path, ["list"])) void element;
      } catch (cause) {
        return (cause as Error).message;
      }
      return "";
    };
    expect(await complaint('{"list":[{"a":1},{')).to.include("ends before its JSON does");
    expect(await complaint("[{}]")).to.include("expected a JSON object with lists list");
    expect(await complaint("")).to.include("expected a JSON object");
    await rm(folder, { recursive: true, force: true });
  });

  it("knows images and questions from the question file", async () => {
    const questions = ["1", "2", "3", "4"].map((image) => ({
      image_id: Number(image),
      question: QUESTION,
      image: "aGk=",
    }));
    const full = await annotated(objectHalbench, { ...FILES, "obj_halbench_300_with_image.jsonl": lines(questions) });
    try {
      const prompts: Prompt[] = [];
      for await (const prompt of objectHalbench.prompts?.(full.folder) ?? []) prompts.push(prompt);
      expect(prompts[1]).to.deep.equal({ id: 1, image: "COCO_val2014_000000000002.jpg", text: QUESTION });
      expect(objectHalbench.answerRow?.(prompts[1] as Prompt, "A dog.")).to.deep.equal({
        question_id: 1,
        image_id: 2,
        prompt: QUESTION,
        text: "A dog.",
      });
      const judge = scriptedJudge(reply);
      const bare = answers.map(({ prompt, text }) => ({ question: prompt, answer: text }));
      expect((await full.score(lines(bare), { judge })).metrics["chair_i"]).to.equal(20);
      expect(await full.complaint(lines(answers.slice(1)), { judge })).to.include("found 3 of 4 answers");
    } finally {
      await full.remove();
    }
  });

  it("names what is wrong", async () => {
    const judge = scriptedJudge(reply);
    const wrong: [unknown, string][] = [
      [{ image_id: 1, text: "A dog." }, "line 1: field prompt is missing"],
      [{ image_id: 1, prompt: QUESTION }, "line 1: field text is missing"],
      [{ prompt: QUESTION, text: "A dog." }, "line 1: field image_id is missing"],
      [{ image_id: "first", prompt: QUESTION, text: "A" }, 'line 1: field image_id is "first", expected the number'],
      [{ image_id: 9, prompt: QUESTION, text: "A" }, 'image "9" of the answers is not there'],
      ["text", 'line 1: found "text", expected an object'],
    ];
    for (const [row, message] of wrong) expect(await files.complaint(lines([row]), { judge })).to.include(message);
    expect(await files.complaint(lines([answers[0], answers[0]]), { judge })).to.include("line 2: field image_id");
    expect(await files.complaint(lines(answers))).to.include("line 1: needs a judge");
    const bare = await annotated(objectHalbench, { "synonyms_refine.txt": SYNONYMS });
    expect(await bare.complaint(lines(answers))).to.match(/instances_val2014\.json: no such file; .*cocodataset\.org/);
    await bare.remove();
  });
});
