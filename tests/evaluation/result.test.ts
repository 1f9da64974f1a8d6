import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { readResult, writeResult } from "../../src/evaluation/result.js";
import { compareTallies } from "../../src/evaluation/scene-comparison.js";
import { scoreTallies } from "../../src/evaluation/scene-scores.js";
import { tallyScenes } from "../../src/evaluation/scene-tally.js";
import { drawResamples } from "../../src/numbers/statistics.js";

describe("result.json", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "scpo-result-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("reads back as it was written, undefined figures included", async () => {
    const world = new Set(["dog"]);
    const truth = [{ id: "a", objects: ["dog"], questions: [], answers: [] }];
    const tallies = tallyScenes(truth, [{ caption: "a dog.", answers: [] }], world);
    const resamples = drawResamples(1, { seed: 1, count: 10 });
    const plain = scoreTallies(tallies, resamples);
    const position = { questions: 3, accuracy: 1 / 3, interval: null };
    const scores = { ...plain, by_kind: { position } };
    const result = {
      seed: 1,
      threads: 1,
      test_scenes: 1,
      pairs: 2,
      models: { base: scores, scpo: plain },
      ablations: {},
      stages: [{ method: "scpo", name: "easy", stage: 0, split: "test" as const, scores }],
      comparisons: { scpo: compareTallies(tallies, tallies, resamples) },
      seconds: { training: 1.5 },
    };
    const path = join(folder, "result.json");
    await writeResult(path, result);
    expect(await readResult(path)).to.deep.equal(result);
    expect(readdirSync(folder)).to.deep.equal(["result.json"]);
  });

  it("names the file and the field that is wrong, in one line", async () => {
    const path = join(folder, "result.json");
    writeFileSync(path, JSON.stringify({ seed: "one" }));
    expect(await failure(path)).to.match(/result\.json: field seed: .*number/);
    writeFileSync(path, "{");
    expect(await failure(path)).to.include("cannot be read as JSON");
    expect(await failure(join(folder, "none.json"))).to.include("none.json");
  });
});

async function failure(path: string): Promise<string> {
  try {
    await readResult(path);
  } catch (error) {
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message).not.to.include("\n");
    return (error as Error).message;
  }
  throw new Error("did not fail");
}
