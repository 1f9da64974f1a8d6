import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";
import { type UserFiles, writeUserFiles } from "../fixtures/user-files.js";

/** Places where nobody, root among them, can write a file. */
const PLACES: Readonly<Record<string, (folder: string) => string>> = {
  "a name too long for the disk": (folder) => join(folder, "x".repeat(300)),
  "a name that leaves no room for a temporary one": (folder) => join(folder, "x".repeat(240)),
  "below a file": (folder) => join(folder, "file", "below"),
  "far below a file": (folder) => join(folder, "file", "far", "below"),
  "where no files are made": () => join("/proc", "nowhere", "below"),
};

/** Commands with an output, and whether it is a folder. */
const COMMANDS: Readonly<Record<string, (files: UserFiles, out: string) => string[]>> = {
  import: ({ rows }, out) => ["pairs", "import", rows, "--from", "trl", "--out", out],
  score: ({ pairs }, out) => [
    ...["pairs", "score", pairs, "--signals", "edit_distance", "--use", "edit_distance=1", "--out", out],
  ],
  grade: ({ pairs }, out) => ["pairs", "grade", pairs, "--out", out],
  complete: ({ pairs }, out) => ["pairs", "complete", pairs, "--pictures", "retrieval", "--out", out],
  apply: ({ pairs, decisions }, out) => ["pairs", "apply", pairs, "--decisions", decisions, "--out", out],
  export: ({ pairs }, out) => ["pairs", "export", pairs, "--to", "trl", "--out", out],
  "export of pictures": ({ pairs }, out) => ["pairs", "export", pairs, "--to", "llama-factory", "--out", out],
  "eval score": ({ annotations, answers }, out) => [
    ...["eval", "score", "chair", "--annotations", annotations, "--answers", answers, "--out", out],
  ],
  "eval compare": ({ results }, out) => ["eval", "compare", ...results, "--plot", out],
  simulate: ({ run }, out) => ["simulate", run, "--reference", "fixed", "--out", out],
  demo: (_, out) => ["demo", "--out", out],
  study: (_, out) => ["study", "--out", out],
  base: (_, out) => ["base", "--out", out],
  train: ({ folder }, out) => ["train", join(folder, "run.yaml"), "--runs", out],
};
const FOLDERS = ["demo", "study", "base", "train", "export of pictures"];

describe("where nothing can be written", function () {
  this.timeout(60_000);
  let folder: string;
  let files: UserFiles;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "unwritable-"));
    files = await writeUserFiles(folder, (what) => what);
    await writeFile(join(folder, "file"), "mine");
    await mkdir(join(folder, "folder"));
    await writeFile(join(folder, "folder", "note"), "mine");
    await writeFile(
      join(folder, "run.yaml"),
      "model: embedded\ndata: { pairs: pairs.parquet }\ntraining: { learning_rate: 0.1 }\ncurriculum: { policy: staged, stages: 1 }\n",
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [name, command] of Object.entries(COMMANDS)) {
    it(`is said at once and in one line that names the path: ${name}`, async () => {
      const places = {
        ...PLACES,
        ...(FOLDERS.includes(name) ? {} : ({ "a folder": () => join(folder, "folder") } as typeof PLACES)),
      };
      const before = (await readdir(folder, { recursive: true })).sort();
      for (const [what, place] of Object.entries(places)) {
        // A run's folder has its own name, below this one.
        if (name === "train" && what.startsWith("a name that leaves")) continue;
        const out = place(folder);
        const message = (await scpoInProcess([...command(files, out), ...(name === "train" ? [] : ["--force"])])) ?? "";
        expect(message, what)
          .to.include(out.replace(/^(.proc.nowhere).*/, "$1"))
          .and.not.match(/\n|EEXIST|EISDIR|ENOENT|ENOTDIR|ENAMETOOLONG/);
        expect(message, what).to.not.match(/\.tmp\b/);
        expect(message, what).to.match(
          /(cannot be written: .*; name another|name of \d+ bytes, expected at most 200|is a folder, expected a file)/,
        );
      }
      expect((await readdir(folder, { recursive: true })).sort()).to.deep.equal(before);
      expect(existsSync(join("/proc", "nowhere"))).to.equal(false);
    });
  }
});
