import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { readResult, writeResult } from "../../src/report/study-result.js";
import { differenceOf } from "../../src/evaluation/compare.js";

describe("result.json", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "scpo-result-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("reads back as it was written, undefined figures included", async () => {
    const scores = {
      metrics: { chair_s: 100 / 3, f1: null },
      interval: { chair_s: [30, 40] as [number, number], f1: null },
    };
    const figure = { value: 100 / 3, draws: [30, null, 40] };
    const result = {
      seed: 1,
      threads: 1,
      test_scenes: 1,
      pairs: 2,
      models: { base: scores, scpo: scores },
      stages: [{ method: "scpo", name: "easy", stage: 0, scores }],
      comparisons: { scpo: { chair_s: differenceOf(figure, figure) } },
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
