import { expect } from "chai";
import { execFile } from "node:child_process";
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { SCPO } from "../fixtures/scpo-command.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";
import { hashesBelow, type UserFiles, writeUserFiles } from "../fixtures/user-files.js";

/** A command line that names an output at which something lies that is not to be written over. */
type Line = (files: UserFiles) => { words: string[]; before?: () => Promise<unknown> };

const score = ({ annotations, answers }: UserFiles, out: string) => [
  ...["eval", "score", "chair", "--annotations", annotations, "--answers", answers, "--out", out],
];

/** What the command reads; `--force` changes nothing about it. */
const READ: Readonly<Record<string, Line>> = {
  "eval score over the answers": (files) => ({ words: score(files, files.answers) }),
  "eval score over a file of the annotations": (files) => ({
    words: score(files, join(files.annotations, "synonyms.txt")),
  }),
  "eval compare over the first result": ({ results: [one, two] }) => ({
    words: ["eval", "compare", one, two, "--plot", one],
  }),
  "eval compare over another result": ({ results: [one, two] }) => ({
    words: ["eval", "compare", one, two, "--plot", two],
  }),
  "eval compare through a link": ({ folder, results: [one, two] }) => ({
    words: ["eval", "compare", one, two, "--plot", join(folder, "plot.svg")],
    before: () => symlink(one, join(folder, "plot.svg")),
  }),
  "eval compare through a hard link": ({ folder, results: [one, two] }) => ({
    words: ["eval", "compare", one, two, "--plot", join(folder, "plot.svg")],
    before: () => link(one, join(folder, "plot.svg")),
  }),
  "simulate over a file of the run": ({ run }) => ({
    words: ["simulate", run, "--reference", "fixed", "--out", join(run, "log.jsonl")],
  }),
  "pairs import over its source": ({ rows }) => ({
    words: ["pairs", "import", rows, "--from", "trl", "--out", rows],
  }),
  "pairs import, its quarantine over its source": ({ folder, rows }) => ({
    words: ["pairs", "import", join(folder, "x.quarantine.jsonl"), "--from", "trl", "--out", join(folder, "x")],
    before: async () => writeFile(join(folder, "x.quarantine.jsonl"), await readFile(rows)),
  }),
  "pairs import over a picture beside the rows": ({ folder, rows }) => ({
    words: ["pairs", "import", rows, "--from", "trl", "--out", join(folder, "red.png")],
    before: () => writeFile(join(folder, "red.png"), Buffer.from("89504e470d0a1a0a0000000049454e44ae426082", "hex")),
  }),
  "pairs export over the pairs": ({ pairs }) => ({
    words: ["pairs", "export", pairs, "--to", "parquet", "--out", pairs],
  }),
  "pairs export through a link of the folder": ({ folder, pairs }) => ({
    words: ["pairs", "export", pairs, "--to", "ms-swift", "--out", join(folder, "again", "pairs.parquet")],
    before: () => symlink(folder, join(folder, "again")),
  }),
  "pairs complete through a hard link": ({ folder, pairs }) => ({
    words: ["pairs", "complete", pairs, "--pictures", "none", "--out", join(folder, "hard.parquet")],
    before: () => link(pairs, join(folder, "hard.parquet")),
  }),
  "pairs complete over the embeddings": ({ folder, pairs }) => ({
    words: [
      ...["pairs", "complete", pairs, "--embeddings", join(folder, "e.parquet")],
      ...["--out", join(folder, "e.parquet")],
    ],
    before: async () => writeFile(join(folder, "e.parquet"), await readFile(pairs)),
  }),
  "pairs grade through a link": ({ folder, pairs }) => ({
    words: ["pairs", "grade", pairs, "--use", "difficulty=1", "--out", join(folder, "link.parquet")],
    before: () => symlink(pairs, join(folder, "link.parquet")),
  }),
  "pairs score over the pairs by another name": ({ folder, pairs }) => ({
    words: ["pairs", "score", pairs, "--signals", "edit_distance", "--out", `${folder}/./pairs.parquet`],
  }),
  "pairs apply over the decisions": ({ pairs, decisions }) => ({
    words: ["pairs", "apply", pairs, "--decisions", decisions, "--out", decisions],
  }),
};

/** What this program did not make. */
const FOREIGN: Readonly<Record<string, Line>> = {
  "eval score over notes": (files) => ({ words: score(files, join(files.folder, "notes.txt")) }),
  "eval compare over a picture": ({ folder, results: [one, two] }) => ({
    words: ["eval", "compare", one, two, "--plot", join(folder, "picture.svg")],
  }),
  "simulate over a picture": ({ run, folder }) => ({
    words: ["simulate", run, "--reference", "fixed", "--out", join(folder, "picture.svg")],
  }),
  "pairs import over notes": ({ folder, rows }) => ({
    words: ["pairs", "import", rows, "--from", "trl", "--out", join(folder, "notes.txt")],
  }),
  "pairs import over another's Parquet file": ({ rows, pairs }) => ({
    words: ["pairs", "import", rows, "--from", "trl", "--out", pairs],
  }),
  "pairs import, its quarantine over notes": ({ folder, rows }) => ({
    words: ["pairs", "import", rows, "--from", "trl", "--out", join(folder, "y.parquet")],
    before: () => writeFile(join(folder, "y.parquet.quarantine.jsonl"), "my notes\n"),
  }),
  "pairs import, its summary over notes": ({ folder, rows }) => ({
    words: ["pairs", "import", rows, "--from", "trl", "--out", join(folder, "z.parquet")],
    before: () => writeFile(join(folder, "z.parquet.import.json"), "[]\n"),
  }),
  "pairs export over another's rows": ({ folder, pairs }) => ({
    words: ["pairs", "export", pairs, "--to", "ms-swift", "--out", join(folder, "notes.txt")],
  }),
  "pairs export into another's dataset_dir": ({ folder, pairs }) => ({
    words: ["pairs", "export", pairs, "--to", "llama-factory", "--out", join(folder, "data")],
    before: async () => {
      await mkdir(join(folder, "data"));
      await writeFile(join(folder, "data", "dataset_info.json"), '{"mine": {}}\n');
    },
  }),
  "demo into a folder of something else": ({ folder }) => ({ words: ["demo", "--out", folder] }),
  "study into a folder of something else": ({ folder }) => ({ words: ["study", "--out", folder] }),
  "base into a folder of something else": ({ folder }) => ({ words: ["base", "--out", folder, "--scenes", "1"] }),
};

describe("what lies where a command is to write", function () {
  this.timeout(60_000);
  let folder: string;
  let files: UserFiles;
  // A command that trains, were it let, ends before it begins.
  const stopped = AbortSignal.abort(new Error("stopped"));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "hostile-"));
    files = await writeUserFiles(folder, (what) => what);
    await writeFile(join(folder, "notes.txt"), "my notes\n");
    await writeFile(join(folder, "picture.svg"), "<svg/>\n");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function refusal(line: Line, more: string[], signal?: AbortSignal): Promise<string | undefined> {
    const { words, before } = line(files);
    await before?.();
    const found = await hashesBelow(folder);
    const message = await scpoInProcess([...words, ...more], signal);
    expect(Object.fromEntries(await hashesBelow(folder)), message).to.deep.equal(Object.fromEntries(found));
    return message;
  }

  for (const [name, line] of Object.entries(READ)) {
    it(`is not written over, being read: ${name}`, async () => {
      expect(await refusal(line, [])).to.match(/^[^\n]*(the file that is read|which is read)[^\n]*name another$/);
    });
    it(`is not written over, being read, not even by force: ${name}`, async () => {
      expect(await refusal(line, ["--force"])).to.match(/is read/);
    });
  }

  for (const [name, line] of Object.entries(FOREIGN)) {
    it(`is not written over, being made by others: ${name}`, async () => {
      expect(await refusal(line, [], /^(demo|study|base)/.test(name) ? stopped : undefined)).to.match(
        /^--(out|plot): [^\n]* exists and scpo did not make it, [^\n]*--force[^\n]*$/,
      );
    });
  }

  it("is written again where scpo made it, and by force where it did not", async () => {
    const { rows, pairs, run, results } = files;
    const out = (name: string) => join(folder, name);
    const lines = [
      ["pairs", "import", rows, "--from", "trl", "--out", out("i.parquet")],
      ["pairs", "score", pairs, "--signals", "edit_distance", "--use", "edit_distance=1", "--out", out("s.parquet")],
      ["pairs", "grade", out("s.parquet"), "--use", "edit_distance=1", "--out", out("g.parquet")],
      ["pairs", "complete", pairs, "--pictures", "none", "--out", out("c.parquet")],
      ["pairs", "apply", pairs, "--decisions", files.decisions, "--out", out("a.parquet")],
      ["pairs", "export", pairs, "--to", "trl", "--out", out("e.parquet")],
      ["pairs", "export", pairs, "--to", "llama-factory", "--out", out("f")],
      ["eval", "compare", ...results, "--plot", out("p.svg")],
      ["simulate", run, "--reference", "fixed", "--out", out("r.svg")],
      score(files, out("o.json")),
    ];
    for (const words of lines) {
      expect(await scpoInProcess(words), words.join(" ")).to.equal(undefined);
      const made = await hashesBelow(folder);
      expect(await scpoInProcess(words), words.join(" ")).to.equal(undefined);
      expect(await hashesBelow(folder)).to.deep.equal(made);
    }
    for (const words of lines.filter((line) => !line.includes("llama-factory"))) {
      const path = words.at(-1) as string;
      await rm(path);
      await rm(`${path}.export.json`, { force: true });
      await writeFile(path, "my notes\n");
      expect(await scpoInProcess(words), words.join(" ")).to.include("did not make it");
      expect(await readFile(path, "utf8")).to.equal("my notes\n");
      expect(await scpoInProcess([...words, "--force"]), words.join(" ")).to.equal(undefined);
      expect(await readFile(path, "utf8")).to.not.equal("my notes\n");
    }
  });
});

describe("what lies in the current folder", function () {
  this.timeout(120_000);

  it("is no module of the Python that a command starts", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hostile-"));
    try {
      for (const name of ["torch", "json", "platform", "scpo_trl"]) {
        await writeFile(join(folder, `${name}.py`), "open('ran', 'w')\nraise SystemExit(1)\n");
      }
      const { stdout } = await promisify(execFile)(process.execPath, [...SCPO, "doctor"], { cwd: folder }).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).to.match(/torch/i);
      expect(await readdir(folder)).to.have.members(["torch.py", "json.py", "platform.py", "scpo_trl.py"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
