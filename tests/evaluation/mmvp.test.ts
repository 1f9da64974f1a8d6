import { expect } from "chai";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import { readMmvp } from "../../src/evaluation/mmvp/items.js";
import { mmvp } from "../../src/evaluation/mmvp/mmvp.js";
import { annotated, type Files, scriptedJudge } from "./scripted-judge.js";

const CSV = `Index,Question,Options,Correct Answer
1,Is it open?,(a) Open (b) Closed,(a)
2,Is it open?,(a) Open (b) Closed,(b)
3,"Left, or ""right""?",(a) Left (b) Right,(b)
4,"Left, or ""right""?",(a) Left (b) Right,(a)
5,How many?,(a) 1 (b) 2,(a)
6,How many?,(a) 1 (b) 2,(b)
`;
const SCRIPT = `                messages=[{
                    'role': 'system',
                    'content': 'Only yes or no.'
                }, {
                    'role': 'user',
                    'content': question,
                }],
        question4gpt = f"Question {question}, answer {correct_answer}. Given: {model_response}?"
`;
const PROMPTS = [1, 2, 3, 4, 5, 6].map((id) => {
  const text = id < 3 ? "Is it open? (a) Open (b) Closed" : 'Left, or "right"? (a) Left (b) Right';
  return id < 5 ? text : "How many? (a) 1 (b) 2";
});
const lines = (said: readonly string[], ids = [1, 2, 3, 4, 5, 6]): string =>
  ids.map((id, at) => JSON.stringify({ question_id: id, prompt: PROMPTS[id - 1], response: said[at] })).join("\n");
/** The judge repeats what stands between brackets. */
const reply = (text: string): string => /\[(.*)\]/s.exec(text)?.[1] ?? "";

describe("MMVP", () => {
  let files: Files;
  before(async () => {
    files = await annotated(mmvp, { "Questions.csv": CSV, "gpt_grader.py": SCRIPT });
  });
  after(() => files.remove());

  it("counts pairs with both answers right", async () => {
    const judge = scriptedJudge(reply);
    const answers = lines(["[yes]", "[Yes]", "[yes]", "[no]", "[no]", "[yes]"]);
    const { metrics, n, settings, bootstrap } = await files.score(answers, { judge, mode: "strict" });
    expect(n).to.equal(6);
    expect(bootstrap?.images).to.equal(3);
    expect(metrics["pair_accuracy"]).to.be.closeTo(100 / 3, 1e-9);
    expect(metrics["accuracy"]).to.be.closeTo(400 / 6, 1e-9);
    expect(settings).to.include({ judge_settings: '{"temperature":0.2}', judge_prompt: "official" });
    expect(judge.asked[2]?.messages).to.deep.equal([
      { role: "system", content: "Only yes or no." },
      { role: "user", content: 'Question Left, or "right"? (a) Left (b) Right, answer (b). Given: [yes]?' },
    ]);
  });

  it("takes only the bare word in strict mode, the first word in fixed mode", async () => {
    const answers = lines(["[Yes.]", "[yes\n]", "[YES]", "[Yes, it is]", "[It is]", "[yes]"]);
    const strict = await files.score(answers, { judge: scriptedJudge(reply), mode: "strict" });
    expect(strict.metrics["accuracy"]).to.be.closeTo(200 / 6, 1e-9);
    expect(strict.metrics["pair_accuracy"]).to.equal(0);
    const fixed = await files.score(answers, { judge: scriptedJudge(reply) });
    expect(fixed.metrics["accuracy"]).to.equal(100);
    expect(fixed.metrics["pair_accuracy"]).to.equal(100);
    expect(fixed.n).to.equal(5);
    expect(fixed.notes.join()).to.include("1 verdicts say neither; their pairs are left out");
    expect(fixed.settings).to.include({ judge_settings: '{"temperature":0}' });
  });

  it("pairs lines in strict mode, questions in fixed mode", async () => {
    const mixed = lines(["[yes]", "[no]", "[yes]", "[no]", "[yes]", "[yes]"], [1, 3, 2, 4, 5, 6]);
    const strict = await files.score(mixed, { judge: scriptedJudge(reply), mode: "strict" });
    expect(strict.metrics["pair_accuracy"]).to.be.closeTo(100 / 3, 1e-9);
    const fixed = await files.score(mixed, { judge: scriptedJudge(reply) });
    expect(fixed.metrics["pair_accuracy"]).to.be.closeTo(200 / 3, 1e-9);
  });

  it("compares named options, where asked to", async () => {
    const said = ["(a)", "B.", "Right", "The answer is (a) Left.", "one", "(a) or (b)"];
    const { metrics, n, notes, settings } = await files.score(lines(said), { options: { match: "literal" } });
    expect(settings).to.deep.equal({ match: "literal" });
    expect(n).to.equal(4);
    expect(metrics).to.deep.equal({ pair_accuracy: 100, accuracy: 100 });
    expect(notes.join()).to.include("2 answers or verdicts say neither");
    const judge = scriptedJudge(() => "no");
    const judged = await files.score(lines(said), { judge, options: { match: "literal" } });
    expect(judge.asked).to.have.length(2);
    expect(judged.metrics["pair_accuracy"]).to.be.closeTo(200 / 3, 1e-9);
    expect(await files.complaint(lines(said), { mode: "strict", options: { match: "literal" } })).to.include("strict");
  });

  it("puts the known wrong labels right, and no others", async () => {
    const question = (id: number): string =>
      id === 99 || id === 100 ? "Long or short tusks?" : id === 279 ? "Is she standing or sitting?" : "Open?";
    const rows = Array.from({ length: 300 }, (_, at) => `${at + 1},${question(at + 1)},(a) X (b) Y,(${"ab"[at % 2]})`);
    const published = await annotated(mmvp, {
      "Questions.csv": `Index,Question,Options,Correct Answer\n${rows.join("\n")}`,
    });
    const [given, corrected] = [await readMmvp(published.folder, false), await readMmvp(published.folder, true)];
    await published.remove();
    const changed = corrected.items.filter((item, at) => item.answer !== given.items[at]?.answer);
    // Question 280 of this file is another one, so its label stays.
    expect(changed.map(({ id, answer }) => [id, answer])).to.deep.equal([
      ["99", "(b)"],
      ["100", "(a)"],
      ["279", "(b)"],
    ]);
  });

  it("hands out questions and takes the answers to them", async () => {
    const prompts: Prompt[] = [];
    for await (const prompt of mmvp.prompts?.(files.folder) ?? []) prompts.push(prompt);
    expect(prompts[2]).to.deep.equal({ id: 3, image: "3.jpg", text: PROMPTS[2] });
    const rows = prompts.map((prompt) => JSON.stringify(mmvp.answerRow?.(prompt, "[yes]"))).join("\n");
    expect((await files.score(rows, { judge: scriptedJudge(reply) })).metrics["pair_accuracy"]).to.equal(100);
  });

  it("names what is wrong", async () => {
    const judge = scriptedJudge(reply);
    const all = ["[yes]", "[yes]", "[yes]", "[yes]", "[yes]", "[yes]"];
    const wrong: [string, string][] = [
      [lines(all, [1, 2, 3]), 'found 3 of 6 answers, missing "4" and 2 more'],
      [lines(all, [1, 1]), 'line 2: field question_id is "1" again'],
      [lines(all, [1, 7]), 'line 2: field question_id is "7", expected 1 to 6'],
      ['{"question_id":1,"prompt":"Other?","response":"a"}', 'line 1: field prompt is "Other?", expected'],
      ['{"question_id":1}', "line 1: field response is missing"],
      ['{"question_id":1,"response":', "line 1: is not JSON"],
      ["[1", "it is cut off"],
    ];
    for (const [answers, message] of wrong) expect(await files.complaint(answers, { judge })).to.include(message);
    expect(await files.complaint(lines(all))).to.include("line 1: needs a judge");
    const broken: [string, string][] = [
      ["Index,Question\n1,Why?", "line 1: column Options is missing"],
      ["Index,Question,Options,Correct Answer\n1,Why?,x,(c)", 'line 2: field Correct Answer is "(c)"'],
      ["Index,Question,Options,Correct Answer\n1,Why?", "line 2: found 2 cells, expected 4"],
      ["Index,Question,Options,Correct Answer\n1,Why?,x,(a)", "holds 1 questions, expected pairs"],
    ];
    for (const [csv, message] of broken) {
      const other = await annotated(mmvp, { "Questions.csv": csv });
      expect(await other.complaint(lines(all))).to.include(message);
      await other.remove();
    }
  });
});
