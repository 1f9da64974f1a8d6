import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SettingsError } from "../../src/run-file/problems.js";
import { checkRunSettings, readRunFile } from "../../src/run-file/read.js";
import { requireTraining } from "../../src/run-file/training-problems.js";

describe("names of training that the schema lacks", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-training-"));
    writeFileSync(join(folder, "pairs.parquet"), "");
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("are asked of the Python that will train, which names the nearest that it knows", async () => {
    const path = join(folder, "run.yaml");
    writeFileSync(
      path,
      "model: embedded\ndata: {pairs: pairs.parquet}\ntraining:\n  learning_rat: 1\n  lora_r: 4\n  max_len: 5\n",
    );
    const error = await requireTraining(await readRunFile(path)).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(SettingsError);
    expect((error as SettingsError).message.split("\n")).to.deep.equal([
      `${path}: 2 mistakes`,
      `  ${path}:4:3: training.learning_rat: the installed TRL has no such setting; did you mean learning_rate?`,
      `  ${path}:6:3: training.max_len: the installed TRL has no such setting; did you mean max_length?`,
    ]);
  }).timeout(240_000);

  it("are left to a remote trainer, and nothing is asked where there are none", async () => {
    const settings = { id: "a", model: "embedded", data: { pairs: join(folder, "pairs.parquet") } };
    const remote = {
      ...settings,
      model: folder,
      backend: { kind: "remote", address: "localhost:1" },
      training: { sparkle: 1 },
    };
    await requireTraining(checkRunSettings(remote));
    const python = { kind: "embedded", python: "/bin/false" };
    await requireTraining(checkRunSettings({ ...settings, backend: python, training: { lora_r: 4 } }));
  });
});
