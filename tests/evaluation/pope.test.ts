import { expect } from "chai";
import fc from "fast-check";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pope } from "../../src/evaluation/pope/pope.js";
import { readYesNoStrictly } from "../../src/evaluation/pope/read-yes-no.js";
import { readYesNoByWord } from "../../src/evaluation/yes-no.js";
import { score, type ScoreRequest } from "../../src/evaluation/score.js";
import { complaintOf } from "../fixtures/rejection.js";

const SPLITS = ["random", "popular", "adversarial"] as const;

describe("POPE", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-pope-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Two images, a dog and no cat in either, in every split; ids as LLaVA counts them. */
  async function annotations(name: string): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    const questions: object[] = [];
    for (const [at, split] of SPLITS.entries()) {
      const labels = [1, 2, 3, 4].map((id) => ({
        question_id: id,
        image: `${Math.ceil(id / 2)}.jpg`,
        text: `Is there a ${id % 2 === 1 ? "dog" : "cat"} in the image?`,
        label: id % 2 === 1 ? "yes" : "no",
      }));
      await writeFile(join(path, `coco_pope_${split}.json`), lines(labels));
      for (const { question_id, image, text } of labels) {
        questions.push({ question_id: at * 100 + question_id, image, text: `${text}\nOne word.`, category: split });
      }
    }
    await writeFile(join(path, "llava_pope_test.jsonl"), lines(questions));
    return path;
  }

  const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

  async function scored(answers: readonly object[], request: Partial<ScoreRequest> = {}) {
    const path = join(folder, "answers.jsonl");
    await writeFile(path, lines(answers));
    return score({ benchmark: pope, annotations: join(folder, "all"), answers: path, ...request });
  }

  const complaint = (action: Promise<unknown>): Promise<string> => complaintOf(action, folder);

  const ids = SPLITS.flatMap((_, at) => [1, 2, 3, 4].map((id) => at * 100 + id));

  it("reads answers as the script does, and by word", () => {
    const cases: [text: string, strict: string | null, byWord: string | null][] = [
      ["Yes", "yes", "yes"],
      ["No", "no", "no"],
      ["No.", "no", "no"],
      ["no, there is none", "no", "no"],
      ["There is not a dog", "no", "no"],
      // What the script misreads.
      ["NO", "yes", "no"],
      ["No\nbecause", "yes", "no"],
      ["No!", "yes", "no"],
      ["There isn't one", "yes", "no"],
      ["There isn’t one", "yes", "no"],
      ["Yes, no doubt", "no", "yes"],
      ["", "yes", null],
      ["...", "yes", null],
      // Only the first sentence counts, and what affirms without the word affirms.
      ["There is a dog. It is not a cat", "yes", "yes"],
      ["Sorry, there's no dog", "no", "no"],
      ["I cannot see a dog", "yes", "no"],
      // What decides nothing.
      ["A notable dog", "yes", null],
      ["maybe", "yes", null],
      ["It is unclear", "yes", null],
      ["There might be a dog", "yes", null],
      ["I'm not sure", "no", null],
      ["I am not sure whether there is a dog", "no", null],
      ["It is not possible to tell.", "no", null],
      ["I can't tell", "yes", null],
      ["I cannot see the image", "yes", null],
      ["It cannot be determined", "yes", null],
      ["I don't know", "yes", null],
      ["Oui, il y a un chien", "yes", null],
      ["はい", "yes", null],
      ["I'm not sure, but yes", "no", "yes"],
    ];
    for (const [text, strict, byWord] of cases) {
      expect(readYesNoStrictly(text), text).to.equal(strict);
      expect(readYesNoByWord(text), text).to.equal(byWord);
    }
  });

  it("reads any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(readYesNoStrictly(text)).to.be.oneOf(["yes", "no"]);
        expect(readYesNoByWord(text)).to.be.oneOf(["yes", "no", null]);
      }),
    );
  });

  it("counts by hand", async () => {
    await annotations("all");
    // Random: yes to everything: tp 2, fp 2. Popular: right: tp 2, tn 2. Adversarial: tp 1, fp 1, tn 1, fn 1.
    const said = ["Yes", "Yes", "Yes", "Yes", "Yes", "No", "Yes", "No", "Yes", "Yes", "No", "No"];
    const answers = ids.map((question_id, at) => ({ question_id, text: said[at] }));
    const { n, metrics, interval, settings, bootstrap } = await scored(answers, { mode: "strict" });
    expect(n).to.equal(12);
    expect(bootstrap?.images).to.equal(2);
    expect(metrics["random/accuracy"]).to.equal(50);
    expect(metrics["random/precision"]).to.equal(50);
    expect(metrics["random/recall"]).to.equal(100);
    expect(metrics["random/f1"]).to.be.closeTo(200 / 3, 1e-9);
    expect(metrics["random/yes_ratio"]).to.equal(100);
    expect(metrics["popular/f1"]).to.equal(100);
    expect(metrics["adversarial/f1"]).to.equal(50);
    expect(metrics["f1"]).to.be.closeTo((200 / 3 + 100 + 50) / 3, 1e-9);
    expect(metrics["yes_ratio"]).to.be.closeTo((100 + 50 + 50) / 3, 1e-9);
    // Each resample holds image 1 twice, image 2 twice or both: adversarial accuracy 50, 50 or 50.
    expect(interval["popular/accuracy"]).to.deep.equal([100, 100]);
    expect(settings).to.deep.equal({ split: "all" });
  });

  it("leaves what has no denominator undefined, and counts silence as wrong in fixed mode", async () => {
    const answers = ids.map((question_id) => ({ question_id, text: "No" }));
    const { metrics } = await scored(answers);
    expect(metrics).to.include({ precision: null, recall: 0, f1: null, accuracy: 50, yes_ratio: 0 });
    const undecided = await scored(ids.map((question_id, at) => ({ question_id, text: at === 0 ? "Yes" : "maybe" })));
    expect(undecided.metrics).to.include({ "random/unread": 75, "random/yes_ratio": 25, "popular/unread": 100 });
    const silent = await scored(ids.map((question_id) => ({ question_id, text: "" })));
    expect(silent.mode).to.equal("fixed");
    expect(silent.metrics).to.include({ accuracy: 0, recall: 0, unread: 100, yes_ratio: 0 });
    const strict = await scored(
      ids.map((question_id) => ({ question_id, text: "" })),
      { mode: "strict" },
    );
    expect(strict.metrics).to.include({ recall: 100, yes_ratio: 100 });
    expect(strict.notes[0]).to.equal(
      '12 answers (first line 1: "") the official script reads otherwise than by word, as strict mode does; ' +
        "fixed mode reads the words",
    );
  });

  it("does not care for the order of rows, and takes numbers or texts as ids, lines or an array", async () => {
    const answers = ids.map((question_id, at) => ({ question_id, text: at % 3 === 0 ? "Yes" : "No" }));
    const first = await scored(answers);
    const other = await scored([...answers].reverse().map((row) => ({ ...row, question_id: String(row.question_id) })));
    expect(other.metrics).to.deep.equal(first.metrics);
    expect(other.interval).to.deep.equal(first.interval);
    await writeFile(join(folder, "array.json"), JSON.stringify(answers));
    const array = await score({
      benchmark: pope,
      annotations: join(folder, "all"),
      answers: join(folder, "array.json"),
    });
    expect(array.metrics).to.deep.equal(first.metrics);
  });

  it("scores one split by its own ids, or in the order of the original's rows", async () => {
    const options = { split: "popular" };
    const said = ["Yes", "Yes", "No", "No"];
    const byId = await scored(
      said.map((text, at) => ({ question_id: at + 1, text })),
      { options },
    );
    expect(byId.metrics).to.include({ f1: 50, "popular/f1": 50 });
    const original = said.map((answer, at) => ({
      question: `is there a ${at % 2 === 0 ? "dog" : "cat"} in the image?`,
      answer,
    }));
    expect((await scored(original, { options })).metrics).to.deep.equal(byId.metrics);
    expect(await complaint(scored([...original, ...original], { options }))).to.match(/line 5: is an answer too many/);
    expect(await complaint(scored([...original].reverse(), { options }))).to.match(/line 1: field question is/);
    expect(await complaint(scored(original, { options: { split: "rare" } }))).to.match(/option split is "rare"/);
    expect(await complaint(scored(original, { options: { spilt: "popular" } }))).to.match(
      /option "spilt" is not one of pope/,
    );
  });

  it("scores the splits that were answered, where their ids or questions tell them", async () => {
    // 101 to 104: ids of the popular split alone.
    const popular = [101, 102, 103, 104].map((question_id) => ({ question_id, text: "Yes" }));
    const { metrics, n, settings } = await scored(popular);
    expect([n, metrics["f1"], settings["split"]]).to.deep.equal([4, metrics["popular/f1"], "popular"]);
    expect(metrics).not.to.have.property("random/f1");
    // 1 to 4 are what every split calls its questions.
    const first = [1, 2, 3, 4].map((question_id) => ({ question_id, text: "Yes" }));
    expect(await complaint(scored(first))).to.match(/answers random by ids that every split uses; .*--option split=/);
    const asked = first.map((row, at) => ({
      ...row,
      prompt: `Is there a ${at % 2 === 0 ? "dog" : "cat"} in the image?`,
    }));
    expect((await scored(asked)).settings).to.deep.equal({ split: "random" });
  });

  it("names the row that does not fit", async () => {
    const rows = ids.map((question_id) => ({ question_id, text: "Yes" }));
    expect(await complaint(scored(rows.slice(1)))).to.match(
      /1 of 4 questions of the random split have no answer, first field question_id 1;/,
    );
    expect(await complaint(scored([...rows, { question_id: 7, text: "Yes" }]))).to.match(
      /line 13: field question_id is "7"/,
    );
    expect(await complaint(scored([...rows, rows[0] as object]))).to.match(/line 13: .* again, first on line 1/);
    expect(await complaint(scored([{ question_id: 1 }]))).to.match(/line 1: field text is missing/);
    expect(await complaint(scored([{ question_id: 1, text: 1 }]))).to.match(/line 1: field text is 1, expected text/);
    expect(await complaint(scored([{ text: "Yes" }]))).to.match(/line 1: field question_id is missing/);
    const other = [{ question_id: 1, text: "Yes", prompt: "Is there a car in the image?" }];
    expect(await complaint(scored(other))).to.match(/line 1: field prompt is .*another revision of the labels/);
    expect(await complaint(scored([]))).to.match(/answers.jsonl: is empty/);
  });

  it("refuses questions and labels of two revisions", async () => {
    const path = await annotations("mixed");
    const random = join(path, "coco_pope_random.json");
    const rows = (await readFile(random, "utf8")).split("\n");
    await writeFile(random, rows.slice(0, 3).join("\n"));
    const annotated = { annotations: path };
    expect(await complaint(scored([], annotated))).to.match(/llava_pope_test.jsonl line 4: .*revision e3e3926/);
    await writeFile(random, [...rows.slice(0, 4), rows[0]?.replace("1,", "5,")].join("\n"));
    expect(await complaint(scored([], annotated))).to.match(
      /coco_pope_random.json: holds 5 questions, but .* 4 of this/,
    );
    await rm(random);
    expect(await complaint(scored([], annotated))).to.match(/coco_pope_random.json: no such file; .*github.com/);
    await rm(join(path, "llava_pope_test.jsonl"));
    expect(await complaint(scored([], annotated))).to.match(/coco_pope_random.json: no such file; .*github.com/);
    expect(await complaint(scored([], { annotations: join(path, "nowhere") }))).to.match(/nowhere: no such folder/);
  });

  it("asks its questions and writes rows that it scores", async () => {
    const rows: object[] = [];
    for await (const prompt of pope.prompts?.(join(folder, "all")) ?? []) {
      rows.push(pope.answerRow?.(prompt, "Yes") as object);
    }
    expect(rows[0]).to.deep.equal({ question_id: 1, prompt: "Is there a dog in the image?\nOne word.", text: "Yes" });
    expect((await scored(rows)).metrics).to.include({ recall: 100, yes_ratio: 100 });
  });

  describe("with the official files", () => {
    let fixtures: string;
    before(function () {
      const path = process.env["SCPO_FIXTURES"];
      if (path === undefined) this.skip();
      fixtures = join(path, "pope");
    });

    for (const mode of ["strict", "fixed"] as const) {
      it(`gives LLaVA-v1.5-13B its published figures in ${mode} mode`, async () => {
        const answers = join(fixtures, "answers-llava-v1.5-13b.jsonl");
        const { metrics, n, notes } = await score({ benchmark: pope, annotations: fixtures, answers, mode });
        const printed = (name: string) => metrics[name]?.toFixed(2);
        expect(n).to.equal(8910);
        expect(notes).to.deep.equal([]);
        expect(printed("random/f1")).to.equal("87.14");
        expect(printed("popular/f1")).to.equal("86.25");
        expect(printed("adversarial/f1")).to.equal("84.46");
        expect(printed("f1")).to.equal("85.95");
      });
    }

    it("takes the files under the names of the repository, and notes a foreign one", async () => {
      const path = join(folder, "checkout");
      await mkdir(join(path, "coco"), { recursive: true });
      for (const split of SPLITS) {
        await copyFile(
          join(fixtures, `coco_pope_${split}.e3e3926.json`),
          join(path, "coco", `coco_pope_${split}.json`),
        );
      }
      const questions = await readFile(join(fixtures, "llava_pope_test.jsonl"), "utf8");
      await writeFile(join(path, "llava_pope_test.jsonl"), `${questions}\n`);
      const answers = join(fixtures, "answers-llava-v1.5-13b.jsonl");
      const { metrics, notes } = await score({ benchmark: pope, annotations: path, answers });
      expect(metrics["f1"]?.toFixed(2)).to.equal("85.95");
      expect(notes).to.have.lengthOf(1);
      expect(notes[0]).to.match(/^llava_pope_test.jsonl is not that of revision e3e3926/);
    });
  });
});
