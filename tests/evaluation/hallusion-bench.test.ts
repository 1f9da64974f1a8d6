import { expect } from "chai";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import { causeOf, needsAgreement, type Verdict } from "../../src/evaluation/hallusion-bench/figures.js";
import { hallusionBench } from "../../src/evaluation/hallusion-bench/hallusion-bench.js";
import type { HallusionItem } from "../../src/evaluation/hallusion-bench/items.js";
import { annotated, type Files, scriptedJudge } from "./scripted-judge.js";

type Row = [category: string, figure: string, visual: string, question: string, yes: boolean, verdict: Verdict];
/** A set about images with an original and an edited figure; a set without, with an original and an edited figure. */
const ROWS: readonly Row[] = [
  ["VD", "0", "1", "0", true, 1],
  ["VD", "0", "1", "1", false, 1],
  ["VD", "1", "2", "0", false, 0],
  ["VD", "1", "2", "1", true, 2],
  ["VS", "0", "0", "0", true, 2],
  ["VS", "1", "1", "0", true, 0],
  ["VS", "2", "2", "0", false, 0],
];
const ITEMS = ROWS.map(([category, figure_id, visual_input, question_id, yes], at) => ({
  category,
  subcategory: "chart",
  visual_input,
  set_id: "4",
  figure_id,
  sample_note: "note",
  question_id,
  question: `Question ${at}?`,
  gt_answer_details: `Reference ${at}.`,
  gt_answer: yes ? "1" : "0",
  filename: figure_id === "0" && category === "VS" ? null : `./${category}/chart/4_${figure_id}.png`,
}));
const ANSWERS = ITEMS.map((item, at) => ({ ...item, model_prediction: `Answer ${at}.` }));
const SCRIPT = `def evaluate_by_chatgpt(data, output_entry):
        prompt = 'Judge. Question:'
        prompt += sample['question']
        prompt += '\\nReference: '
        prompt += sample['gt_answer_details']
        prompt += '\\nPrediction:'
        prompt += sample[output_entry]

def check_same_by_chatgpt(data, output_entry):
            prompt = 'Compare: '
            prompt += sample[output_entry]
            prompt += ' with: '
            prompt += response2
`;
const WORDS = ["This is incorrect.", "Correct", "unclear"];
const reply = (text: string): string => {
  if (text.startsWith("Compare")) return "same";
  return WORDS[(ROWS[Number(/Answer (\d)/.exec(text)?.[1])] as Row)[5]] as string;
};

describe("HallusionBench", () => {
  let files: Files;
  before(async () => {
    files = await annotated(hallusionBench, { "HallusionBench.json": ITEMS, "utils.py": SCRIPT });
  });
  after(() => files.remove());

  it("counts questions, figures and questions over figures", async () => {
    const judge = scriptedJudge(reply);
    const { metrics, n, settings, notes, bootstrap } = await files.score(ANSWERS, { judge, mode: "strict" });
    expect(n).to.equal(7);
    expect(bootstrap?.images).to.equal(2);
    // Right: both on the original image, and the one that does not commit itself without an image.
    expect(metrics["a_acc"]).to.be.closeTo((100 * 3) / 7, 1e-9);
    expect(metrics["VD/a_acc"]).to.equal(50);
    expect(metrics["VS/a_acc"]).to.be.closeTo(100 / 3, 1e-9);
    // Four figures: no figure is none. Only the original image has all questions right, the others none.
    expect(metrics["f_acc"]).to.equal(25);
    expect(metrics["VS/f_acc"]).to.equal(0);
    expect(metrics["figure_score"]).to.equal(0.25);
    expect(metrics["inconsistent"]).to.equal(0);
    expect(metrics["all_wrong"]).to.equal(75);
    expect(metrics["q_acc"]).to.equal(0);
    // By question over figures that are not edited: two of three, the third is right without an image only.
    expect(metrics["easy_a_acc"]).to.be.closeTo(200 / 3, 1e-9);
    expect(metrics["hard_a_acc"]).to.equal(0);
    expect([metrics["language"], metrics["vision"], metrics["mixed"]]).to.deep.equal([0, 75, 25]);
    // Yes said, as right or wrong answers tell, four times; true four times. Two of four errors are a wrong yes.
    expect(metrics["yes_difference"]).to.equal(0);
    expect(metrics["yes_errors"]).to.equal(0.5);
    expect(notes.join()).to.include("2 answers do not commit themselves");
    expect(settings).to.include({ judge: "scripted", judge_settings: "{}", judge_prompt: "official", match: "judge" });
    // Seven answers, and one comparison with the answer on the original.
    expect(judge.asked.map(({ messages }) => messages[0]?.content)).to.have.members([
      ...ITEMS.map((_, at) => `Judge. Question:Question ${at}?\nReference: Reference ${at}.\nPrediction:Answer ${at}.`),
      "Compare: Answer 2. with: Answer 0.",
    ]);
  });

  it("counts easy and hard by question, and bias without unclear answers, in fixed mode", async () => {
    const { metrics, settings } = await files.score([...ANSWERS].reverse(), { judge: scriptedJudge(reply) });
    expect(metrics["easy_a_acc"]).to.equal(75);
    expect(metrics["hard_a_acc"]).to.equal(0);
    expect(metrics["yes_difference"]).to.be.closeTo(0.2, 1e-12);
    expect(metrics["yes_errors"]).to.be.closeTo(2 / 3, 1e-12);
    expect(metrics["a_acc"]).to.be.closeTo((100 * 3) / 7, 1e-9);
    expect(settings).to.include({ judge_settings: '{"temperature":0}' });
  });

  it("takes verdicts that a file brings along", async () => {
    const judged = ANSWERS.map((answer, at) => ({
      ...answer,
      gpt4v_output_gpt_check: String((ROWS[at] as Row)[5]),
      same: "1",
    }));
    const { metrics, settings } = await files.score(judged, { mode: "strict" });
    expect(metrics["mixed"]).to.equal(25);
    expect(settings).to.deep.equal({ match: "judge", recorded_verdicts: "7" });
    const different = judged.map((answer) => ({ ...answer, same: 0 }));
    expect((await files.score(different, { mode: "strict" })).metrics["mixed"]).to.equal(0);
  });

  it("compares answers that begin with yes or no, where asked to", async () => {
    const said = ["Yes.", "no, it is not", "Yes", "Perhaps", "No idea... no", "**No**", "yes"];
    const answers = ITEMS.map((item, at) => ({ ...item, model_prediction: said[at] }));
    const { metrics, settings, notes } = await files.score(answers, { options: { match: "literal" } });
    expect(settings).to.deep.equal({ match: "literal" });
    expect(notes.join()).to.include("1 answers do not commit themselves");
    expect(metrics["a_acc"]).to.be.closeTo((100 * 2) / 7, 1e-9);
    // Edited figure: the same wrong yes as on the original. Without an image a wrong no; then the same no, and a yes.
    expect([metrics["language"], metrics["vision"], metrics["mixed"]]).to.deep.equal([40, 20, 40]);
    const judge = scriptedJudge(() => "correct");
    await files.score(answers, { judge, options: { match: "literal" } });
    expect(judge.asked).to.have.length(1);
    const strict = files.complaint(answers, { mode: "strict", options: { match: "literal" } });
    expect(await strict).to.include("strict mode asks the judge");
    expect(await files.complaint(answers, { options: { match: "x" } })).to.include("expected judge or literal");
  });

  it("finds the cause of an error as the paper's tree does", () => {
    const item = (category: "VD" | "VS", original: boolean, visual: 0 | 1 | 2): HallusionItem =>
      ({ category, original, visual }) as HallusionItem;
    const cases: [HallusionItem, Verdict, Verdict, boolean, string | null, boolean][] = [
      [item("VD", true, 1), 1, 1, false, null, false],
      [item("VD", true, 1), 0, 0, false, "vision", false],
      [item("VD", true, 1), 2, 2, false, "vision", false],
      [item("VD", false, 2), 1, 0, false, null, false],
      [item("VD", false, 2), 0, 1, true, "mixed", true],
      [item("VD", false, 2), 0, 1, false, "vision", true],
      [item("VD", false, 2), 0, 0, true, "vision", false],
      [item("VD", false, 2), 2, 1, true, "vision", false],
      [item("VS", true, 0), 0, 0, false, "language", false],
      [item("VS", true, 0), 2, 2, false, null, false],
      [item("VS", false, 1), 0, 0, true, "language", true],
      [item("VS", false, 1), 0, 0, false, "mixed", true],
      [item("VS", false, 2), 2, 0, true, "mixed", false],
      [item("VS", false, 2), 0, 2, true, "vision", false],
      [item("VS", false, 2), 2, 2, true, "vision", false],
      [item("VS", false, 2), 2, 1, true, "vision", false],
      [item("VS", false, 1), 0, 1, true, "vision", false],
      [item("VS", false, 2), 0, 1, true, "language", true],
      [item("VS", false, 2), 0, 1, false, "vision", true],
    ];
    for (const [each, verdict, original, agrees, cause, needed] of cases) {
      const about = JSON.stringify([each, verdict, original, agrees]);
      expect(causeOf({ item: each, verdict, agrees }, original), about).to.equal(cause);
      expect(needsAgreement(each, verdict, original), about).to.equal(needed);
    }
  });

  it("hands out questions, without an image where there is none, and takes the answers to them", async () => {
    const prompts: Prompt[] = [];
    for await (const prompt of hallusionBench.prompts?.(files.folder) ?? []) prompts.push(prompt);
    expect(prompts[2]).to.deep.equal({ id: "VD_chart_4_1_0", image: "VD/chart/4_1.png", text: "Question 2?" });
    expect(prompts[4]?.image).to.equal("");
    const rows = prompts.map((prompt, at) => hallusionBench.answerRow?.(prompt, `Answer ${at}.`));
    const { metrics } = await files.score(rows, { judge: scriptedJudge(reply) });
    expect(metrics["f_acc"]).to.equal(25);
  });

  it("names what is wrong with answers", async () => {
    const judge = scriptedJudge(reply);
    const wrong: [unknown, string][] = [
      [ANSWERS.slice(0, -2), 'found 5 of 7 answers, missing "VS_chart_4_1_0" and 1 more'],
      [[{ ...ANSWERS[0], set_id: "9" }], 'element 1: field question_id makes "VD_chart_9_0_0", which the annotations'],
      [[ANSWERS[0], ANSWERS[0]], 'element 2: field question_id is "VD_chart_4_0_0" again, first on element 1'],
      [[{ ...ANSWERS[0], question: "Why?" }], 'field question is "Why?", expected "Question 0?"'],
      [[ITEMS[0]], "element 1: field model_prediction is missing"],
      [[{ ...ANSWERS[0], gpt4v_output_gpt_check: "3" }], 'field gpt4v_output_gpt_check is "3", expected 0, 1 or 2'],
      [[{ ...ANSWERS[0], same: "no" }], 'field same is "no", expected 0 or 1'],
    ];
    for (const [answers, message] of wrong) expect(await files.complaint(answers, { judge })).to.include(message);
    expect(await files.complaint(ANSWERS)).to.include("needs a judge");
  });

  it("names what is wrong with annotations", async () => {
    const wrong: [unknown, string][] = [
      [ITEMS.slice(2, 4), "question VD_chart_4_1_0 lacks its original"],
      [[{ ...ITEMS[0], category: "X" }], 'field category is "X", expected VD or VS'],
      [[{ ...ITEMS[0], gt_answer: "yes" }], 'field gt_answer is "yes", expected 0 or 1'],
    ];
    for (const [items, message] of wrong) {
      const broken = await annotated(hallusionBench, { "HallusionBench.json": items });
      expect(await broken.complaint(ANSWERS)).to.include(message);
      await broken.remove();
    }
  });
});
