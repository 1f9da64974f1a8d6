import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelFolder } from "../../src/cli/model-folder.js";
import { useOption, usesLine } from "../../src/cli/use-option.js";
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
    expect(usesLine(uses ?? {})).to.equal("entropy=2 transport_distance=-0.5 a=b=0.1");
    for (const wrong of ["entropy", "entropy=", "=1", "entropy=0", "entropy=much", "entropy=Infinity"]) {
      expect(() => useOption([wrong])).to.throw(`--use: found "${wrong}", expected column=weight`);
    }
    expect(() => useOption(["entropy=1", "entropy=2"])).to.throw("--use: names entropy twice");
  });

  it("--model is a folder, embedded, or a name in the hub's local cache", () => {
    expect(modelFolder("--model", "embedded")).to.equal(EMBEDDED_MODEL_FOLDER);
    expect(modelFolder("--model", folder)).to.equal(folder);
    const model = join(folder, "hub", "models--some-org--some.model");
    mkdirSync(join(model, "refs"), { recursive: true });
    mkdirSync(join(model, "snapshots", "abc"), { recursive: true });
    writeFileSync(join(model, "refs", "main"), "abc\n");
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
