import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelFolder } from "../../src/cli/model-folder.js";
import { gradingFrom, gradingLine, useOption } from "../../src/cli/grading-options.js";
import { checkedGrading } from "../../src/difficulty/grading.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";
import { writeUserFiles } from "../fixtures/user-files.js";
import { EMBEDDED_MODEL_FOLDER } from "../../src/package-root.js";

describe("options of scpo pairs score", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-model-folder-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("--use reads columns and weights; the sign says which way is hard", () => {
    expect(useOption([])).to.equal(undefined);
    const uses = useOption(["entropy=2", "transport_distance=-0.5", "a=b=1e-1"]);
    expect(uses).to.deep.equal({
      entropy: { sign: 1, weight: 2 },
      transport_distance: { sign: -1, weight: 0.5 },
      "a=b": { sign: 1, weight: 0.1 },
    });
    expect(gradingLine(checkedGrading({ uses }))).to.equal("entropy=2 transport_distance=-0.5 a=b=0.1");
    for (const wrong of ["entropy", "entropy=", "=1", "entropy=0", "entropy=much", "entropy=Infinity"]) {
      expect(() => useOption([wrong])).to.throw(`--use: found "${wrong}", expected column=weight`);
    }
    expect(() => useOption(["entropy=1", "entropy=2"])).to.throw("--use: names entropy twice");
  });

  it("--normalise, --missing, --stages, --bounds and --trim say how to grade; wrong ones are told in a line", () => {
    expect(gradingFrom({})).to.deep.equal(gradingFrom({ use: [] }));
    const grading = gradingFrom({ normalise: "min-max", missing: "middle", bounds: "0.3, 0.7", trim: 0.1 });
    expect(checkedGrading(grading)).to.deep.include({ normalise: "min-max", missing: "middle", stages: 3, trim: 0.1 });
    expect(checkedGrading(grading).bounds).to.deep.equal([0.3, 0.7]);
    expect(gradingLine(checkedGrading({ ...grading, uses: { mine: { sign: 1, weight: 1 } } }))).to.equal(
      "mine=1; normalised by min-max; missing: middle; bounds 0.3,0.7",
    );
    expect(() => gradingFrom({ normalise: "z" })).to.throw('--normalise is "z", expected one of ranks, min-max');
    expect(() => gradingFrom({ missing: "0" })).to.throw('--missing is "0", expected one of skip, middle, require');
    expect(() => gradingFrom({ bounds: "0.5", stages: 2 })).to.throw("--stages and --bounds are given");
    for (const bounds of ["", "0.3;0.7", "0.3,", "easy"]) {
      expect(() => gradingFrom({ bounds })).to.throw(`--bounds is "${bounds}", expected difficulties with commas`);
    }
    for (const bounds of ["0.7,0.3", "0.3,0.3", "0,0.5", "0.5,1", "-0.1"]) {
      expect(() => checkedGrading(gradingFrom({ bounds }))).to.throw(`bounds: found ${bounds}, expected difficulties`);
    }
  });

  it("without --model what is left out is told", async () => {
    const { pairs } = await writeUserFiles(folder, (what) => what);
    const said = async (name: string, ...more: string[]): Promise<string> => {
      let text = "";
      const words = ["pairs", "score", pairs, "--out", join(folder, name), ...more];
      expect((await scpoInProcess(words, undefined, (piece) => (text += piece))) ?? "").to.equal("");
      return text;
    };
    const graded = ["--use", "edit_distance=1"];
    expect(await said("all.parquet", ...graded)).to.match(/^note: without a model only words .*--model FOLDER adds/m);
    // Who says what is to be measured knows.
    expect(await said("chosen.parquet", "--signals", "edit_distance", ...graded)).to.not.include("note: without");
    expect(await scpoInProcess(["pairs", "score", pairs, "--out", join(folder, "none.parquet")])).to.match(
      /^[^\n]*no pair has a signal of entropy[^\n]*scpo pairs score --model FOLDER [^\n]*--use$/,
    );
  });

  it("--model is a folder, embedded, or a name in the hub's local cache", () => {
    expect(modelFolder("--model", "embedded")).to.equal(EMBEDDED_MODEL_FOLDER);
    expect(modelFolder("--model", folder)).to.equal(folder);
    const model = join(folder, "hub", "models--some-org--some.model");
    mkdirSync(join(model, "refs"), { recursive: true });
    mkdirSync(join(model, "snapshots", "abc"), { recursive: true });
    writeFileSync(join(model, "refs", "main"), "abc\n");
    writeFileSync(join(model, "snapshots", "abc", "config.json"), "{}");
    expect(modelFolder("--model", "some-org/some.model", { HF_HOME: folder })).to.equal(
      join(model, "snapshots", "abc"),
    );
    expect(modelFolder("--model", "some-org/some.model", { HF_HUB_CACHE: join(folder, "hub") })).to.include("abc");
    expect(() => modelFolder("--model", "some-org/other", { HF_HOME: folder })).to.throw(
      /^--model: found neither .* download it with hf download some-org\/other$/,
    );
    writeFileSync(join(model, "refs", "main"), "gone");
    expect(() => modelFolder("--model", "some-org/some.model", { HF_HOME: folder })).to.throw("hf download");
    expect(() => modelFolder("--patch-encoder", "/no/such/folder")).to.throw("--patch-encoder: found no folder");
  });
});
