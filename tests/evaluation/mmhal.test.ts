import { expect } from "chai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import { judgeFromOptions } from "../../src/evaluation/judge.js";
import { mmhal } from "../../src/evaluation/mmhal/mmhal.js";
import { lastRating, strictRating } from "../../src/evaluation/mmhal/rating.js";
import { judgeServer } from "./judge-server.js";
import { annotated, type Files, scriptedJudge } from "./scripted-judge.js";

const TYPES = ["attribute", "adversarial", "comparison", "counting", "relation", "environment", "holistic", "other"];
const ITEMS = [...TYPES, ...TYPES].map((type, at) => ({
  question_type: type,
  question_topic: "indoor",
  image_id: `image${at}`,
  image_src: `https://example.org/pictures/${at}_o.jpg`,
  image_content: ["Cup", "Table"],
  question: `Question ${at}?`,
  gt_answer: `Reference ${at}.`,
  model_answer: "",
}));
const SCRIPT = `import openai

template = '''Contents {}
Question {}
Reference {}
Answer {}'''
`;
const ANSWERS = ITEMS.map((item, at) => ({ ...item, model_answer: `Answer ${at}.` }));
/** Ratings 0 to 6, 0 to 6, 0 and 1: mean 43 / 16; below 3 are 3 + 3 + 2. */
const rate = (text: string): string => `Because.\nRating: ${Number(/Answer (\d+)/.exec(text)?.[1]) % 7}`;

describe("MMHal-Bench", () => {
  let files: Files;
  before(async () => {
    files = await annotated(mmhal, { "response_template.json": ITEMS, "eval_gpt4.py": SCRIPT });
  });
  after(() => files.remove());

  it("averages ratings and counts those below 3 as hallucination", async () => {
    const judge = scriptedJudge(rate);
    const { metrics, n, settings, interval, inputs, bootstrap } = await files.score(ANSWERS, { judge });
    expect(n).to.equal(16);
    expect(bootstrap?.images).to.equal(16);
    expect(metrics["score"]).to.be.closeTo(43 / 16, 1e-12);
    expect(metrics["hallucination_rate"]).to.equal(50);
    // From 3 on three are taken off: 0+1+2+0+1+2+3 twice, then 0 and 1; the most is 3 each.
    expect(metrics["informativeness"]).to.be.closeTo((100 * 19) / (3 * 16), 1e-12);
    // Items 0 and 8 are rated 0 and 1, items 3 and 11 are rated 3 and 4.
    expect(metrics["attribute/score"]).to.equal(0.5);
    expect(metrics["attribute/hallucination_rate"]).to.equal(100);
    expect(metrics["counting/score"]).to.equal(3.5);
    expect(metrics["counting/hallucination_rate"]).to.equal(0);
    expect(interval["score"]).to.be.an("array");
    expect(settings).to.deep.equal({
      judge: "scripted",
      judge_settings: '{"temperature":0}',
      judge_prompt: "official",
      judge_reported: "scripted-1",
    });
    expect(Object.keys(inputs)).to.deep.equal([
      "annotations/response_template.json",
      "annotations/eval_gpt4.py",
      "answers/answers.json",
    ]);
    expect(judge.asked[3]?.messages).to.deep.equal([
      { role: "user", content: "Contents Cup, Table\nQuestion Question 3?\nReference Reference 3.\nAnswer Answer 3." },
    ]);
  });

  it("types by position in strict mode, by annotation in fixed mode", async () => {
    const moved = [ANSWERS[1], ANSWERS[0], ...ANSWERS.slice(2)];
    const strict = await files.score(moved, { judge: scriptedJudge(rate), mode: "strict" });
    expect(strict.metrics["attribute/score"]).to.equal((1 + 1) / 2);
    expect(strict.metrics["adversarial/score"]).to.equal((0 + 2) / 2);
    const fixed = await files.score(moved, { judge: scriptedJudge(rate) });
    expect(fixed.metrics["attribute/score"]).to.equal(0.5);
    expect(fixed.metrics["score"]).to.equal(strict.metrics["score"]);
  });

  it("scores a verdict without one rating 0 in strict mode, leaves it out in fixed mode", async () => {
    const judge = scriptedJudge((text) => (text.includes("Answer 6") ? "I cannot say." : rate(text)));
    const strict = await files.score(ANSWERS, { judge, mode: "strict" });
    expect(strict.n).to.equal(16);
    expect(strict.metrics["score"]).to.be.closeTo(37 / 16, 1e-12);
    expect(strict.metrics["hallucination_rate"]).to.equal((100 * 9) / 16);
    expect(strict.notes.join()).to.include("1 verdicts without one clear rating score 0");
    const fixed = await files.score(ANSWERS, { judge });
    expect(fixed.n).to.equal(15);
    expect(fixed.metrics["score"]).to.be.closeTo(37 / 15, 1e-12);
    expect(fixed.metrics["holistic/score"]).to.equal(0);
    expect(fixed.notes.join()).to.include("are left out");
  });

  it("reads ratings", () => {
    const cases: [string, number | null, number | null][] = [
      ["Rating: 4", 4, 4],
      ["rating: 3. Again, Rating: 3", 3, 3],
      ["Not Rating: 2 but\nRating: 5", null, 5],
      ["**Rating**: 4", null, 4],
      ["**Rating: 4**", 4, 4],
      ["### Rating\n6", null, 6],
      ["Rating:2", null, 2],
      ["Rating: 7", null, null],
      ["Rating: 4.5", 4, null],
      ["A rating of five", null, null],
      ["", null, null],
    ];
    for (const [verdict, strict, last] of cases) {
      expect([verdict, strictRating(verdict), lastRating(verdict)]).to.deep.equal([verdict, strict, last]);
    }
  });

  it("takes answers of question-and-answer files, in order", async () => {
    const lines = ITEMS.map(({ question }, at) =>
      JSON.stringify({ prompt: question, text: `Assistant: Answer ${at}. ` }),
    );
    const judge = scriptedJudge(rate);
    const { metrics } = await files.score(lines.join("\n"), { judge });
    expect(metrics["score"]).to.be.closeTo(43 / 16, 1e-12);
    expect(judge.asked[0]?.messages[0]?.content.endsWith("\nAnswer Answer 0.")).to.equal(true);
  });

  it("takes saved verdicts without asking", async () => {
    const saved = ANSWERS.map(({ model_answer }) => ({
      model: "gpt-4-0314",
      choices: [{ message: { role: "assistant", content: rate(model_answer) } }],
    }));
    const { metrics, settings } = await files.score(saved, { mode: "strict" });
    expect(metrics["score"]).to.be.closeTo(43 / 16, 1e-12);
    expect(settings).to.deep.equal({ recorded_verdicts: "16", judge_reported: "gpt-4-0314" });
    const merged = ANSWERS.map((answer) => ({ ...answer, gpt4_review: rate(answer.model_answer) }));
    expect((await files.score(merged)).metrics["score"]).to.be.closeTo(43 / 16, 1e-12);
  });

  it("needs the official script in strict mode alone", async () => {
    const bare = await annotated(mmhal, { "response_template.json": ITEMS });
    try {
      const judge = scriptedJudge(rate);
      expect(await bare.complaint(ANSWERS, { judge, mode: "strict" })).to.match(
        /eval_gpt_mmhal\.py: is missing, strict mode takes the judge's prompt from it/,
      );
      const { metrics, settings } = await bare.score(ANSWERS, { judge });
      expect(metrics["score"]).to.be.closeTo(43 / 16, 1e-12);
      expect(settings["judge_prompt"]).to.equal("own");
      const asked = judge.asked.at(-1)?.messages[0]?.content ?? "";
      for (const part of ["Cup, Table", "Question ", "Reference ", "Answer "]) expect(asked).to.include(part);
    } finally {
      await bare.remove();
    }
  });

  it("names what is wrong with answers", async () => {
    const judge = scriptedJudge(rate);
    const wrong: [unknown, string][] = [
      [ANSWERS.slice(1), 'found 15 of 16 answers, missing "image0"; answer every question'],
      [[...ANSWERS, ANSWERS[0]], "element 17: is one answer too many, expected 16"],
      [[ANSWERS[0], ANSWERS[0]], 'element 2: field image_id is "image0" again, first on element 1'],
      [
        [{ image_id: "other", model_answer: "A" }],
        'element 1: field image_id is "other", which the annotations do not',
      ],
      [[{ ...ANSWERS[0], question: "Why?" }], 'element 1: field question is "Why?", expected "Question 0?"'],
      [[{ image_id: "image0" }], "element 1: field model_answer is missing"],
      [[{ model_answer: 3 }], "element 1: field model_answer is 3, expected text"],
      [[null], "element 1: found null, expected an object"],
      [[{ choices: [] }], "element 1: field choices holds no message with text"],
    ];
    for (const [answers, message] of wrong) {
      expect(await files.complaint(answers, { judge })).to.include(message);
    }
    expect(await files.complaint(ANSWERS)).to.include("element 1: needs a judge; name one with --judge-url");
  });

  it("names what is wrong with annotations", async () => {
    const wrong: [unknown, string][] = [
      [[], "holds no questions"],
      [[{ ...ITEMS[0], image_content: "Cup" }], "element 1: field image_content is"],
      [[ITEMS[0], ITEMS[0]], "element 2: field image_id"],
    ];
    for (const [items, message] of wrong) {
      const broken = await annotated(mmhal, { "response_template.json": items });
      expect(await broken.complaint(ANSWERS)).to.include(message);
      await broken.remove();
    }
  });

  it("hands out questions and takes the answers to them", async () => {
    const prompts: Prompt[] = [];
    for await (const prompt of mmhal.prompts?.(files.folder) ?? []) prompts.push(prompt);
    expect(prompts[5]).to.deep.equal({ id: "image5", image: "5_o.jpg", text: "Question 5?" });
    const rows = prompts.map((prompt, at) => mmhal.answerRow?.(prompt, `Answer ${at}.`));
    const { metrics } = await files.score(rows.reverse(), { judge: scriptedJudge(rate) });
    expect(metrics["attribute/score"]).to.equal(0.5);
  });

  it("loses nothing to a judge that goes down", async () => {
    const cache = await mkdtemp(join(tmpdir(), "scpo-cache-"));
    let answered = 0;
    // The eleventh question is refused for good; up to ten others are under way or done by then.
    const first = await judgeServer(({ body }) =>
      ++answered > 10 ? { status: 403, body: "closed" } : rate(body.messages[0]?.content ?? ""),
    );
    try {
      const options = { judgeUrl: first.url, judgeModel: "m", judgeCache: cache };
      expect(await files.complaint(ANSWERS, { judge: judgeFromOptions(options, {}) })).to.include(
        "verdicts so far are",
      );
      await first.close();
      const second = await judgeServer(({ body }) => rate(body.messages[0]?.content ?? ""));
      const again = judgeFromOptions({ ...options, judgeUrl: second.url }, {});
      const { metrics, settings } = await files.score(ANSWERS, { judge: again });
      await second.close();
      expect(second.asked).to.have.length(6);
      expect(metrics["score"]).to.be.closeTo(43 / 16, 1e-12);
      expect(settings).to.include({ judge: "m", judge_reported: "m-0613" });
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  });
});
