import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { readResult, writeResult } from "../../src/evaluation/result.js";
import { compareTallies } from "../../src/evaluation/scene-comparison.js";
import { scoreTallies } from "../../src/evaluation/scene-scores.js";
import { tallyScenes } from "../../src/evaluation/scene-tally.js";
import { drawResamples } from "../../src/evaluation/statistics.js";

describe("result.json", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "scpo-result-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("reads back as it was written, undefined figures included", () => {
    const world = new Set(["dog"]);
    const truth = [{ id: "a", objects: ["dog"], questions: [], answers: [] }];
    const tallies = tallyScenes(truth, [{ caption: "a dog.", answers: [] }], world);
    const resamples = drawResamples(1, { seed: 1, count: 10 });
    const scores = scoreTallies(tallies, resamples);
    const result = {
      seed: 1,
      threads: 1,
      test_scenes: 1,
      pairs: 2,
      models: { base: scores, scpo: scores },
      ablations: {},
      stages: [{ method: "scpo", name: "easy", stage: 0, step: 3, scores }],
      comparisons: { scpo: compareTallies(tallies, tallies, resamples) },
      seconds: { training: 1.5 },
    };
    const path = join(folder, "result.json");
    writeResult(path, result);
    expect(readResult(path)).to.deep.equal(result);
    expect(readdirSync(folder)).to.deep.equal(["result.json"]);
  });

  it("names the file and the field that is wrong, in one line", () => {
    const path = join(folder, "result.json");
    writeFileSync(path, JSON.stringify({ seed: "one" }));
    expect(() => readResult(path)).to.throw(UserError, /result\.json: field seed: .*/);
    writeFileSync(path, "{");
    expect(() => readResult(path)).to.throw(UserError, "cannot be read as JSON");
    expect(() => readResult(join(folder, "none.json"))).to.throw(UserError, "none.json");
  });
});
