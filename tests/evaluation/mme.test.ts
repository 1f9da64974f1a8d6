import { expect } from "chai";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mme } from "../../src/evaluation/mme/mme.js";
import { readFirstWord, readPrefix } from "../../src/evaluation/mme/read-answer.js";
import { TASKS } from "../../src/evaluation/mme/tasks.js";
import { score, type ScoreRequest } from "../../src/evaluation/score.js";
import { complaintOf } from "../fixtures/rejection.js";

describe("MME", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-mme-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const line = (image: string, label: string, answer: string): string =>
    `${image}\tIs it ${label}?\t${label}\t${answer}\n`;

  async function scored(files: Record<string, string>, request: Partial<ScoreRequest> = {}) {
    const path = await mkdtemp(join(folder, "answers-"));
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
    // A few questions are not the whole of a task, which fixed mode wants.
    return score({ benchmark: mme, annotations: "", answers: path, mode: "strict", ...request });
  }

  it("reads answers as the script does, and by the first word", () => {
    const cases: [text: string, strict: string, byWord: string][] = [
      ["Yes", "yes", "yes"],
      ["yes, it is", "yes", "yes"],
      ["NO.", "no", "no"],
      [" yes", "yes", "yes"],
      ["The", "other", "other"],
      ["", "other", "other"],
      // What the script misreads.
      ["  yes", "other", "yes"],
      ["**Yes**", "other", "yes"],
      ["Know", "no", "other"],
      ["Nothing", "no", "other"],
      ["Not at all", "no", "other"],
      ["𝐀no", "no", "other"],
    ];
    for (const [text, strict, byWord] of cases) {
      expect(readPrefix(text), text).to.equal(strict);
      expect(readFirstWord(text), text).to.equal(byWord);
    }
  });

  it("adds accuracy and accuracy+", async () => {
    // Two images: one pair right, one half right: accuracy 3 of 4, accuracy+ 1 of 2.
    const existence =
      line("a", "Yes", "Yes") + line("a", "No", "No") + line("b", "Yes", "Yes") + line("b", "No", "Maybe");
    const { metrics, n, interval, settings } = await scored(
      { "existence.txt": existence },
      { options: { tasks: "existence" } },
    );
    expect(n).to.equal(4);
    expect(metrics).to.deep.equal({
      "existence/score": 125,
      "existence/accuracy": 75,
      "existence/accuracy_plus": 50,
      "existence/other": 25,
    });
    // Resamples hold a twice (200), b twice (50) or both.
    expect(interval["existence/score"]).to.deep.equal([50, 200]);
    expect(settings["tasks"]).to.equal("existence");
    expect(settings["labels"]).to.match(/^[0-9a-f]{64}$/);
  });

  it("sums the tasks", async () => {
    const right = line("a", "Yes", "yes") + line("a", "No", "no");
    const wrong = line("a", "Yes", "no") + line("a", "No", "no");
    const files = Object.fromEntries(TASKS.map((task) => [`${task}.txt`, task === "OCR" ? wrong : right]));
    const { metrics } = await scored(files);
    expect(metrics).to.include({ perception: 9 * 200 + 50, cognition: 800, hallucination: 800 });
  });

  it("names what does not fit", async () => {
    const tasks = { options: { tasks: "count" } };
    const pair = line("a", "Yes", "Yes") + line("a", "No", "No");
    const wrong = async (content: string) => complaintOf(scored({ "count.txt": content }, tasks));
    expect(await wrong("a\tb\tYes\n")).to.match(/count.txt line 1: found 3 column\(s\), expected 4/);
    expect(await wrong(`${pair}\n`)).to.match(/line 3: found 1 column\(s\)/);
    expect(await wrong("a\tq\tYes\tNo\tNo\n")).to.match(/line 1: found 5 column\(s\)/);
    expect(await wrong("a\tq\tperhaps\tNo\n")).to.match(/line 1: field label is "perhaps", expected Yes or No/);
    expect(await wrong(pair + line("b", "Yes", "Yes"))).to.match(/line 3: has no second question/);
    expect(await wrong(pair + line("b", "Yes", "Yes") + line("c", "No", "No"))).to.match(
      /line 3: has no second question about its image "b"; add it/,
    );
    expect(await wrong(pair + pair)).to.match(/line 3: field question is "a.*Is it Yes\?" again, first on line 1/);
    expect(await wrong("")).to.match(/count.txt: is empty/);
    expect(await complaintOf(scored({ "count.txt": pair, "cuont.txt": pair }, tasks))).to.match(
      /cuont.txt: is no file of an MME/,
    );
    expect(await complaintOf(scored({ "count.txt": pair }))).to.match(/the task existence has no answers/);
    expect(await complaintOf(scored({}, tasks))).to.match(/holds no .txt file/);
    expect(await complaintOf(scored({ "count.txt": pair }, { options: { tasks: "count,colour" } }))).to.match(
      /"colour"/,
    );
    expect(await complaintOf(score({ benchmark: mme, annotations: "", answers: import.meta.filename }))).to.match(
      /mme.test.ts line 1: is not JSON/,
    );
  });

  it("checks answers against the questions, and asks them", async () => {
    const annotations = join(folder, "tool");
    await mkdir(join(annotations, "Your_Results"), { recursive: true });
    for (const task of TASKS) {
      const questions = "a.png\tIs it Yes?\tYes\na.png\tIs it No?\tNo\n";
      await writeFile(join(annotations, "Your_Results", `${task}.txt`), questions);
    }
    const files: Record<string, string> = {};
    for await (const prompt of mme.prompts?.(annotations) ?? []) {
      const { file, text } = mme.answerRow?.(prompt, "Yes,\n\tit is") as { file: string; text: string };
      files[file] = (files[file] ?? "") + `${text}\n`;
      if (prompt.id === "existence/1") expect(prompt).to.include({ image: "existence/a.png", text: "Is it Yes?" });
      if (prompt.id === "scene/1") expect(prompt.image).to.equal("scene/images/a.png");
    }
    expect(files["scene.txt"]).to.equal("a.png\tIs it Yes?\tYes\tYes, it is\na.png\tIs it No?\tNo\tYes, it is\n");
    const { metrics, inputs, settings } = await scored(files, { annotations });
    expect(metrics).to.include({ perception: 500, cognition: 200 });
    expect(Object.keys(inputs).filter((name) => name.startsWith("annotations/"))).to.have.lengthOf(14);
    expect(settings).not.to.have.property("labels");
    const wrong = async (count: string) =>
      complaintOf(scored({ ...files, "count.txt": count }, { annotations }), folder);
    const answered = files["count.txt"] as string;
    expect(
      await wrong(line("a.png", "Yes", "Yes") + line("a.png", "Maybe", "No").replace("\tMaybe\t", "\tNo\t")),
    ).to.match(
      /count.txt line 2: field question is "Is it Maybe\?", but about a.png .* "Is it Yes\?" and "Is it No\?"; .*revision/,
    );
    expect(await wrong(answered.replace("\tNo\t", "\tYes\t"))).to.match(
      /line 2: field label is "Yes", but the annotations/,
    );
    expect(await wrong(answered + answered)).to.match(/count.txt line 3: field question is .* again, first on line 1/);
    expect(await wrong(line("b.png", "Yes", "Yes"))).to.match(
      /line 1: field image is "b.png", about which count asks nothing; expected one of its 1 images, such as a.png/,
    );
    // As LLaVA's converter writes them: another ending, another order.
    const converted = (files["count.txt"] as string).replaceAll("a.png", "a.txt").split("\n").reverse().join("\n");
    const turned = await scored({ ...files, "count.txt": `${converted.trim()}\n` }, { annotations });
    expect(turned.metrics).to.deep.equal(metrics);
    expect(turned.bootstrap).to.deep.equal((await scored(files, { annotations })).bootstrap);
  });

  it("never scores a part of a task in silence", async () => {
    const pair = line("a", "Yes", "Yes") + line("a", "No", "No");
    const tasks = { options: { tasks: "count" } };
    expect(await complaintOf(scored({ "count.txt": pair }, { ...tasks, mode: "fixed" }))).to.match(
      /count.txt: the task count has 2 answers, MME asks 60 questions; answer them all, .*--mode strict, .*--annotations/,
    );
    const { notes } = await scored({ "count.txt": pair }, tasks);
    expect(notes).to.deep.equal([
      "the task count has 2 answers, MME asks 60 questions: its figures do not stand beside published ones",
    ]);
  });

  it("gives LaVIN its official figures", async function () {
    const fixtures = process.env["SCPO_FIXTURES"];
    if (fixtures === undefined) return this.skip();
    const answers = join(fixtures, "mme", "answers-lavin");
    const { metrics, n } = await score({ benchmark: mme, annotations: "", answers, mode: "strict" });
    const printed = (name: string) => Number(metrics[name]?.toFixed(2));
    expect(n).to.equal(2374);
    expect(printed("perception")).to.equal(963.61);
    expect(printed("cognition")).to.equal(249.64);
    expect(printed("existence/score")).to.equal(185);
    expect(printed("count/score")).to.equal(88.33);
    expect(printed("position/score")).to.equal(63.33);
    expect(printed("color/score")).to.equal(75);
    const cut = await mkdtemp(join(folder, "cut-"));
    for (const task of TASKS) {
      const lines = await readFile(join(answers, `${task}.txt`), "utf8");
      const kept = task === "existence" ? lines.trimEnd().split("\n").slice(0, -2).join("\n") : lines;
      await writeFile(join(cut, `${task}.txt`), kept);
    }
    const strict = await score({ benchmark: mme, annotations: "", answers: cut, mode: "strict" });
    expect(strict.notes.join()).to.include("existence has 58 answers, MME asks 60");
    expect(await complaintOf(score({ benchmark: mme, annotations: "", answers: cut }))).to.include("existence has 58");
  });
});
