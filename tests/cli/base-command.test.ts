import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../../src/package-root.js";

const run = promisify(execFile);
const COMMAND = join(PACKAGE_ROOT, "bin", "scpo.js");
const WEIGHTS = join(PACKAGE_ROOT, "python_bridge", "scpo_trl", "tiny", "weights");

describe("scpo base", function () {
  this.timeout(300_000);
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "scpo-base-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("trains on a world of every kind of fact and leaves the model that ships alone", async () => {
    const shipped = readFileSync(join(WEIGHTS, "model.safetensors"));
    const args = ["base", "--kinds", "all", "--scenes", "64", "--steps", "2", "--out", folder];
    const { stdout } = await run(process.execPath, [COMMAND, ...args], {
      env: { ...process.env, OMP_NUM_THREADS: "1" },
    });
    expect(stdout).to.match(/64 base scenes/);
    // Scores by what is asked: nothing is learnt in two steps, but each kind is asked for.
    for (const kind of ["attribute", "count", "position", "presence"]) {
      expect(stdout).to.match(new RegExp(`validation: .* ${kind} [01]\\.\\d{3}`));
    }
    const model = join(folder, "model-object-presence-count-position-attribute-64");
    expect(readdirSync(model)).to.include.members(["model.safetensors", "tokenizer.json", "README.md"]);
    expect(readFileSync(join(model, "README.md"), "utf8")).to.match(/\| validation \| position \| [01]\.\d{3} \|/);
    const words = Object.keys(
      (JSON.parse(readFileSync(join(model, "tokenizer.json"), "utf8")) as { model: { vocab: Record<string, number> } })
        .model.vocab,
    );
    expect(words).to.include.members(["▁two", "▁red", "▁tile", "▁left", "Above", "▁exactly"]);
    expect(readFileSync(join(WEIGHTS, "model.safetensors")).equals(shipped)).to.equal(true);
  });

  it("refuses a kind that there is not in one line", async () => {
    const failed = await run(process.execPath, [COMMAND, "base", "--kinds", "size", "--out", folder]).then(
      () => undefined,
      (error: { code: number; stderr: string }) => error,
    );
    expect(failed?.code).to.equal(1);
    expect(failed?.stderr).to.match(
      /kinds: found "size", expected all or some of object,presence,count,position,attribute/,
    );
    expect(failed?.stderr.trim().split("\n").length).to.equal(1);
  });
});
