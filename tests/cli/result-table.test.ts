import { expect } from "chai";
import { resultTable } from "../../src/cli/result-table.js";
import type { StudyResult } from "../../src/evaluation/result.js";
import type { SceneScores } from "../../src/evaluation/scene-scores.js";

function scores(chairS: number | null): SceneScores {
  const yes_no = { accuracy: 0.875, f1: 0.9, yes_ratio: 0.5 };
  const none = { chair_i: null, cover: null, hal: null, yes_no: { accuracy: null, f1: null, yes_ratio: null } };
  return { chair_s: chairS, chair_i: 0.25, cover: 0.9, hal: 0.1, yes_no, interval: { chair_s: [0.4, 0.6], ...none } };
}

describe("result table", () => {
  const result: StudyResult = {
    seed: 3,
    threads: 1,
    test_scenes: 2000,
    pairs: 100,
    models: { base: scores(0.5), scpo: scores(null) },
    ablations: {},
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
    const chair = { relative_reduction: 0.8, relative_reduction_interval: [0.7, 0.9] };
    const comparisons = { scpo: { chair_s: chair } } as unknown as NonNullable<StudyResult["comparisons"]>;
    const last = (sft: number) =>
      resultTable({ ...result, comparisons, models: { base: scores(0.5), sft: scores(sft), scpo: scores(0.1) } })
        .split("\n")
        .at(-1);
    const headline = "scpo against base: 80.0 % fewer captions that name something absent [70.0, 90.0]";
    expect(last(0.066)).to.equal(`${headline}; the lowest is sft, 6.6 %`);
    expect(last(0.2)).to.equal(headline);
  });

  it("aligns its columns", () => {
    const [, head, base] = resultTable(result).split("\n");
    expect((head as string).indexOf("CHAIRi")).to.equal((base as string).indexOf("25.0"));
  });
});
