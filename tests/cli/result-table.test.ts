import { expect } from "chai";
import { resultTable } from "../../src/cli/result-table.js";
import type { StudyResult } from "../../src/report/study-result.js";
import type { Scores } from "../../src/evaluation/eval-result.js";

function scores(chairS: number | null): Scores {
  return {
    metrics: { chair_s: chairS, chair_i: 25, cover: 90, hal: 10, accuracy: 87.5 },
    interval: { chair_s: [40, 60] },
  };
}

describe("result table", () => {
  const result: StudyResult = {
    seed: 3,
    threads: 1,
    test_scenes: 2000,
    pairs: 100,
    models: { base: scores(50), scpo: scores(null) },
    stages: [],
    seconds: {},
  };

  it("shows percent with intervals, and a dash where a figure is undefined", () => {
    const lines = resultTable(result).split("\n");
    expect(lines[0]).to.match(/^2000 test scenes, 100 training pairs, seed 3/);
    expect(lines[2]).to.match(/^base +50\.0 \[40\.0, 60\.0\] +25\.0 +90\.0 +10\.0 +87\.5$/);
    expect(lines[3]).to.match(/^scpo +- \[40\.0, 60\.0\]/);
    expect(lines).to.have.length(4);
  });

  it("names the model that does better than the one of the headline", () => {
    const chair = { reduction: 80, reduction_interval: [70, 90] };
    const comparisons = { scpo: { chair_s: chair } } as unknown as NonNullable<StudyResult["comparisons"]>;
    const last = (sft: number) =>
      resultTable({ ...result, comparisons, models: { base: scores(50), sft: scores(sft), scpo: scores(10) } })
        .split("\n")
        .at(-1);
    const headline = "scpo against base: 80.0 % fewer captions that name something absent [70.0, 90.0]";
    expect(last(6.6)).to.equal(`${headline}; the lowest is sft, 6.6 %`);
    expect(last(20)).to.equal(headline);
  });

  it("aligns its columns", () => {
    const [, head, base] = resultTable(result).split("\n");
    expect((head as string).indexOf("CHAIRi")).to.equal((base as string).indexOf("25.0"));
  });
});
