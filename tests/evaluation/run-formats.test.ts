import { expect } from "chai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Prompt } from "../../src/evaluation/benchmark.js";
import { benchmarkNamed } from "../../src/evaluation/registry.js";
import { readQuestions } from "../../src/evaluation/run/questions.js";
import { writeAnswers } from "../../src/evaluation/run/write-answers.js";
import { score } from "../../src/evaluation/score.js";

/** Number of questions of the published files, and an answer that can be scored. */
const BENCHMARKS = [
  { name: "pope", folder: "pope", count: 8910, answer: () => "Yes" },
  {
    name: "amber",
    folder: "amber",
    count: 15_220,
    answer: ({ text }: Prompt) => (/^Describe/.test(text) ? "A dog." : "No"),
  },
  { name: "amber-generative", folder: "amber", count: 1004, answer: () => "A dog and a cat." },
  { name: "amber-discriminative", folder: "amber", count: 14_216, answer: () => "No" },
  { name: "chair", folder: "chair", answer: () => "A dog on a couch.", sample: { images: 500, seed: 0 }, count: 500 },
  { name: "mme", folder: join("mme", "answers-lavin"), count: 2374, answer: () => "Yes" },
] as const;

describe("an answer file from a benchmark's own questions", function () {
  this.timeout(120_000);
  let out: string;

  before(async function () {
    if (!process.env["SCPO_FIXTURES"]) this.skip();
    out = await mkdtemp(join(tmpdir(), "scpo-formats-"));
  });

  after(async () => {
    if (out !== undefined) await rm(out, { recursive: true, force: true });
  });

  for (const { name, folder, count, answer, ...rest } of BENCHMARKS) {
    it(`is scored: ${name}`, async () => {
      const benchmark = benchmarkNamed(name);
      const annotations = join(process.env["SCPO_FIXTURES"] as string, folder);
      const { prompts } = await readQuestions(benchmark, annotations, "sample" in rest ? rest.sample : undefined);
      expect(prompts).to.have.lengthOf(count);
      for (const { image, text } of prompts) {
        expect(image).to.match(/^[\w/.-]+\.(jpg|png)$/);
        expect(text).to.match(/\S/);
      }
      const path = join(out, name);
      const rows = prompts.map((prompt) => benchmark.answerRow?.(prompt, answer(prompt)));
      await writeAnswers(path, benchmark.answers, rows);
      const result = await score({ benchmark, annotations, answers: path, mode: "strict" });
      expect(result.n).to.equal(count);
    });
  }
});
