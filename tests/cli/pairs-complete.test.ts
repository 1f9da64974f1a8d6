import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { pairsComplete, type PairsCompleteOptions } from "../../src/cli/pairs-complete-command.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { SCPO } from "../fixtures/scpo-command.js";

describe("scpo pairs complete", function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-cli-complete-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("completes the example of docs/pairs.md", () => {
    const run = (...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      expect(status, stderr).to.equal(0);
      return stdout;
    };
    const scenes = join(folder, "scenes.parquet");
    run("--import=tsx", join(PACKAGE_ROOT, "examples", "captioned-scenes.ts"), scenes, "60");
    const said = run(
      ...SCPO,
      "pairs",
      "complete",
      scenes,
      "--out",
      join(folder, "out.parquet"),
      "--pictures",
      "retrieval,mask",
    );
    const [, read, written, quarantined] =
      /read (\d+) pairs = (\d+) written .* \+ (\d+) in quarantine/.exec(said) ?? [];
    expect(Number(read)).to.equal(60);
    expect(Number(written) + Number(quarantined)).to.equal(60);
    expect(Number(written)).to.be.greaterThan(50);
  });

  it("says in one line what is wrong", async () => {
    const usual: PairsCompleteOptions = {
      source: join(folder, "absent.parquet"),
      out: join(folder, "x.parquet"),
      seed: 1,
      pictures: "retrieval",
      band: "-1,1",
      editCache: folder,
      json: false,
      signal: new AbortController().signal,
    };
    const endpoint = { pictures: "endpoint", editorUrl: "http://localhost:1/v1", editorModel: "m" };
    const wrong: [Partial<PairsCompleteOptions>, string][] = [
      [{}, "cannot open"],
      [{ kinds: "object,colour" }, '--kinds holds "colour", expected some of object,attribute,count,relation,presence'],
      [{ pictures: "magic" }, '--pictures holds "magic"'],
      [{ band: "0.5" }, '--band is "0.5", expected the least and the greatest similarity'],
      [{ band: "0.9,0.1" }, "--band is"],
      [{ pictures: "command" }, "name it with --edit-command"],
      [{ editCommand: "edit {in} {out}" }, "add command to --pictures"],
      [{ editCommand: "[1]", pictures: "command" }, "no JSON list of texts"],
      [{ editCommand: "edit {in}", pictures: "command" }, "lacks {out}"],
      [{ embeddings: join(folder, "none.parquet") }, "cannot open"],
      [{ writerUrl: "http://localhost:1/v1" }, "--writer-model is missing"],
      [{ writerUrl: "nowhere", writerModel: "m" }, "--writer-url is"],
      [{ pictures: "endpoint" }, "name it with --editor-url and --editor-model"],
      [{ pictures: "endpoint", editorUrl: "http://localhost:1/v1" }, "--editor-model is missing"],
      [{ pictures: "endpoint", editorCache: folder }, "options for an editor without one"],
      [{ editorUrl: "http://localhost:1/v1", editorModel: "m" }, "add endpoint to --pictures"],
      [{ ...endpoint, editorUrl: "http://me:pass@localhost/v1" }, "put the key into SCPO_EDITOR_API_KEY"],
      [{ ...endpoint, editorSettings: "size=2" }, "--editor-settings is not a JSON object"],
      [{ ...endpoint, editorSettings: '{"prompt": "x"}' }, "--editor-settings holds prompt"],
      [{ ...endpoint, editorSettings: '{"size": [1, 2]}' }, "--editor-settings: size is a list or an object"],
    ];
    for (const [parts, expected] of wrong) {
      const error = await pairsComplete({ ...usual, ...parts }).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(UserError);
      expect((error as Error).message)
        .to.include(expected)
        .and.not.include("\n");
    }
  });
});
