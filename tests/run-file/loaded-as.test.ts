import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadedAs } from "../../src/run-file/loaded-as.js";
import { checkRunSettings } from "../../src/run-file/read.js";

describe("the models that a run saved", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-loaded-as-"));
    for (const name of ["base", "adapter", "whole"]) await mkdir(join(folder, name));
    await writeFile(join(folder, "base", "config.json"), "{}");
    await writeFile(join(folder, "pairs.parquet"), "");
    const adapter = { base_model_name_or_path: join(folder, "base") };
    await writeFile(join(folder, "adapter", "adapter_config.json"), JSON.stringify(adapter));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const how = (model: string, training: Record<string, unknown>) =>
    loadedAs(checkRunSettings({ id: "a", model, data: { pairs: join(folder, "pairs.parquet") }, training }).settings);

  it("are evaluated on the base as it was trained under: in 4 bits where it was", () => {
    const training = { load_in_4bit: true, use_peft: true, lora_r: 4, trust_remote_code: true, learning_rate: 1e-4 };
    const { loading, roots } = how(join(folder, "base"), training);
    expect(roots).to.deep.equal([join(folder, "base")]);
    const { settings, trustRemoteCode } = loading(join(folder, "adapter"));
    expect(trustRemoteCode).to.equal(true);
    const { learning_rate: _, ...carried } = training;
    expect(JSON.parse(settings)).to.deep.equal(carried);
    // A whole model is what its folder says.
    expect(loading(join(folder, "whole")).settings).to.equal("");
  });

  it("need the base that an adapter names, which no setting does, but no revision of it", () => {
    expect(how(join(folder, "adapter"), {}).roots).to.deep.equal([join(folder, "adapter"), join(folder, "base")]);
    const { loading, roots } = how("some-org/some.model@v1", { use_peft: true });
    expect(roots).to.deep.equal([]);
    expect(JSON.parse(loading(join(folder, "adapter")).settings)).to.deep.equal({ use_peft: true });
  });
});
