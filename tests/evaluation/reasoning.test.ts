import { expect } from "chai";
import fc from "fast-check";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJudge } from "../../src/evaluation/judge.js";
import {
  judgeWithoutReasoning,
  reasoningMarkers,
  type Spoken,
  THINK,
  withoutReasoning,
} from "../../src/evaluation/reasoning.js";
import { benchmarkNamed } from "../../src/evaluation/registry.js";
import { score } from "../../src/evaluation/score.js";
import { TINY_BENCHMARKS, writeTinyBenchmark } from "../fixtures/tiny-benchmarks.js";

describe("reasoning before an answer", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-reasoning-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is told from the answer by its markers", () => {
    const cases: [text: string, spoken: Spoken][] = [
      ["Yes", { answer: "Yes", reasoned: false, unfinished: false }],
      [" Yes\n", { answer: " Yes\n", reasoned: false, unfinished: false }],
      ["<think>No leash.</think>Yes", { answer: "Yes", reasoned: true, unfinished: false }],
      ["<think>\nNo\n</think>\n\nYes", { answer: "Yes", reasoned: true, unfinished: false }],
      ["<think></think>Yes", { answer: "Yes", reasoned: true, unfinished: false }],
      // A chat template wrote the beginning.
      ["No leash, so...</think> Yes", { answer: "Yes", reasoned: true, unfinished: false }],
      ["<think>a</think>It is<think>b</think> a dog", { answer: "It is a dog", reasoned: true, unfinished: false }],
      // No more tokens were allowed.
      ["<think>No leash, but", { answer: "", reasoned: true, unfinished: true }],
      ["Yes <think>or no", { answer: "Yes", reasoned: true, unfinished: true }],
    ];
    for (const [text, spoken] of cases) expect(withoutReasoning(text, THINK), text).to.deep.equal(spoken);
    const thought = { open: "[THOUGHT]", close: "[ANSWER]" };
    expect(withoutReasoning("[THOUGHT] <think> [ANSWER] No", thought).answer).to.equal("No");
  });

  it("leaves nothing between markers, whatever stands there", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (thought, answer) => {
        fc.pre(![thought, answer].some((text) => /<\/?think>/.test(text)));
        const { answer: said, reasoned } = withoutReasoning(`<think>${thought}</think>${answer}`, THINK);
        expect([said, reasoned]).to.deep.equal([answer.trim(), true]);
      }),
    );
  });

  it("has markers that can be named", () => {
    expect(reasoningMarkers("◁think▷ ◁/think▷")).to.deep.equal({ open: "◁think▷", close: "◁/think▷" });
    expect(reasoningMarkers("none")).to.equal(undefined);
    for (const wrong of ["", "<think>", "a b c", "x x"]) {
      expect(() => reasoningMarkers(wrong), wrong).to.throw(/^--reasoning is ".*", expected what stands before/);
    }
  });

  /** The figures of a tiny benchmark whose model answers `said`, with and without thoughts that say otherwise. */
  async function figures(name: string, said: readonly string[], thoughts: string, request = {}) {
    const benchmark = benchmarkNamed(name);
    const annotations = join(folder, name);
    await writeTinyBenchmark(annotations, TINY_BENCHMARKS[name] ?? { files: {} });
    const rows: unknown[] = [];
    for await (const prompt of benchmark.prompts?.(annotations) ?? []) {
      rows.push(benchmark.answerRow?.(prompt, `${thoughts}${said[rows.length % said.length]}`));
    }
    const answers = join(await mkdtemp(join(folder, "answers-")), "answers");
    if (benchmark.answers === "text-folder") {
      await mkdir(answers);
      const files = new Map<string, string>();
      for (const { file, text } of rows as { file: string; text: string }[]) {
        files.set(file, `${files.get(file) ?? ""}${text}\n`);
      }
      for (const [file, content] of files) await writeFile(join(answers, file), content);
    } else await writeFile(answers, JSON.stringify(rows));
    return score({ benchmark, annotations, answers, ...request });
  }

  const THOUGHT = "<think>No, there is a cat and a kitten, not one.</think>";

  for (const [name, said, count] of [
    ["pope", ["Yes"], 6],
    ["chair", ["A dog.", "A man with a puppy."], 3],
    ["amber-discriminative", ["No", "Yes"], 3],
    ["amber-generative", ["A dog beside a tree."], 1],
    ["mme", ["Yes"], 28],
    ["natural-bench", ["Yes", "A"], 4],
  ] as const) {
    it(`changes no figure of ${name} in fixed mode, and is said to be there`, async () => {
      const plain = await figures(name, said, "");
      const reasoned = await figures(name, said, THOUGHT);
      expect(reasoned.metrics).to.deep.equal(plain.metrics);
      expect(reasoned.interval).to.deep.equal(plain.interval);
      expect(reasoned.settings).to.deep.equal(plain.settings);
      expect(reasoned.notes).to.include(`reasoning between <think> and </think> was set aside in ${count} answers`);
      expect(plain.notes.join()).not.to.include("reasoning");
    });
  }

  it("is read as the official script reads it in strict mode, which says so", async () => {
    const strict = await figures("pope", ["Yes"], THOUGHT, { mode: "strict" });
    expect(strict.metrics["yes_ratio"]).to.equal(0);
    expect(strict.notes.join()).to.match(/6 answers hold reasoning between .* the official script reads as part/);
  });

  it("is an answer that says nothing where it is cut off", async () => {
    const cut = await figures("pope", [""], "<think>There is a dog, so");
    expect(cut.metrics).to.include({ unread: 100, accuracy: 0 });
    expect(cut.notes.join()).to.include("in 6 it is cut off and no answer follows: let the model write more tokens");
  });

  it("is set aside between other markers, or not at all, as asked", async () => {
    const other = await figures("pope", ["Yes"], "◁think▷No.◁/think▷", { reasoning: "◁think▷ ◁/think▷" });
    expect(other.metrics["yes_ratio"]).to.equal(100);
    expect(other.settings["reasoning"]).to.equal("◁think▷ ◁/think▷");
    const whole = await figures("pope", ["Yes"], THOUGHT, { reasoning: "none" });
    expect(whole.metrics["yes_ratio"]).to.equal(0);
    expect(whole.settings["reasoning"]).to.equal("none");
  });

  it("of a judge is no part of its verdict", async () => {
    const judge = openJudge({
      ...{ model: "test", cache: join(folder, "cache"), concurrency: 1, overrides: {} },
      endpoint: { url: "http://127.0.0.1:1/" },
    });
    const thinking = {
      ...judge,
      ask: () => Promise.resolve({ content: "<think>rating: 1?</think>rating: 5", model: "m" }),
    };
    expect(await judgeWithoutReasoning(thinking, THINK).ask([], {})).to.deep.equal({
      content: "rating: 5",
      model: "m",
    });
  });
});
