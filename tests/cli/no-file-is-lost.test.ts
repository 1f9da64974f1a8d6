import { expect } from "chai";
import fc from "fast-check";
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sweepStaleSockets } from "../../src/backend/stale-sockets.js";
import { serve } from "../../src/service/serve.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";
import { hashesBelow, type UserFiles, writeUserFiles } from "../fixtures/user-files.js";

/** Names that programs, this one among them, give to files that they remove again. */
const NAMES = [
  ...["scpo-2026-11-30", "scpo-2509-24491", "scpo-1-a", "scpo-edit-x", "scpo-sockets.json", "notes", "images", "runs"],
  ...["data", "checkpoints", ".service", "step-4", ".step-4.writing", "control", "cancel", "owner.json", "run.yaml"],
  ...["out", "out.parquet", "out.parquet.log", "out.parquet.pictures", "out.parquet.signals", "out.parquet.tmp"],
  ...["out.parquet.quarantine.jsonl", "out.parquet.import.json", "out.parquet.export.json", "out.parquet.score.json"],
  ...["report.html", "dataset_info.json", "pairs.json", "trainer.sock", "trainer.log", "simulation.svg", "a b", "ü"],
];
const name = fc.constantFrom(...NAMES);
/** A file somewhere in the tree, by the names of the folders that lead to it. */
const file = fc.array(name, { minLength: 1, maxLength: 3 });

/** Every command that ends by itself and needs no trainer, with an output of any name. */
const COMMANDS: ((files: UserFiles, out: string) => string[])[] = [
  ({ rows }, out) => ["pairs", "import", rows, "--from", "trl", "--out", out],
  ({ folder }, out) => ["pairs", "import", folder, "--from", "coco", "--out", out],
  ({ pairs }) => ["pairs", "check", pairs],
  ({ pairs }, out) => ["pairs", "filter", pairs, "--where", "true", "--out", out],
  ({ pairs }, out) => ["pairs", "score", pairs, "--signals", "edit_distance", "--use", "edit_distance=1", "--out", out],
  ({ pairs }, out) => ["pairs", "grade", pairs, "--out", out],
  ({ pairs }, out) => ["pairs", "complete", pairs, "--pictures", "retrieval", "--out", out],
  ({ pairs, decisions }, out) => ["pairs", "apply", pairs, "--decisions", decisions, "--out", out],
  ({ pairs }, out) => ["pairs", "export", pairs, "--to", "parquet", "--out", out],
  ({ pairs }, out) => ["pairs", "export", pairs, "--to", "trl", "--out", out],
  ({ pairs }, out) => ["pairs", "export", pairs, "--to", "ms-swift", "--out", out],
  ({ pairs }, out) => ["pairs", "export", pairs, "--to", "llama-factory", "--out", out],
  ({ annotations, answers }, out) => [
    ...["eval", "score", "chair", "--annotations", annotations, "--answers", answers, "--out", out],
  ],
  ({ results }, out) => ["eval", "compare", ...results, "--plot", out],
  ({ results }, out) => ["eval", "lmms", "--results", results[0], "--out", out],
  ({ run }, out) => ["simulate", run, "--reference", "fixed", "--out", out],
  (_, out) => ["status", "--runs", dirname(out)],
  ({ run }) => ["pause", run],
  (_, out) => ["train", out, "--runs", dirname(out), "--id", "runs"],
];

describe("no command", function () {
  this.timeout(120_000);
  let home: string;
  const before = process.env["TMPDIR"];

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "lost-"));
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    await rm(home, { recursive: true, force: true });
  });

  it("loses or changes a file that the program did not make", async () => {
    let world = 0;
    const tree = fc.uniqueArray(file, { minLength: 5, maxLength: 25, selector: (parts) => parts.join("/") });
    const uses = fc.array(fc.record({ command: fc.nat(COMMANDS.length - 1), at: fc.nat(), fresh: file }), {
      minLength: 4,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(tree, uses, fc.nat(3), async (paths, calls, linked) => {
        const folder = join(home, String(world++));
        await mkdir(folder);
        process.env["TMPDIR"] = folder;
        const files = await writeUserFiles(folder, (what) => what);
        for (const parts of paths) {
          const path = join(folder, ...parts);
          // A name that leads through a file is left out.
          await mkdir(dirname(path), { recursive: true })
            .then(() => writeFile(path, `my ${parts.join("/")}`, { flag: "wx" }))
            .catch(() => undefined);
        }
        if (linked === 1) await symlink(files.answers, join(folder, "link.parquet"));
        if (linked === 2) await link(files.pairs, join(folder, "link.parquet"));
        if (linked === 3) await symlink(folder, join(folder, "link.parquet"));
        const users = await hashesBelow(folder);
        const known = [...users.keys(), join(folder, "link.parquet"), join(folder, "link.parquet", "rows.jsonl")];
        for (const result of files.results) users.delete(result);
        for (const { command, at, fresh } of calls) {
          const out = at % 3 === 0 ? join(folder, ...fresh) : (known[at % known.length] as string);
          const words = (COMMANDS[command] as (typeof COMMANDS)[number])(files, out);
          const message = await scpoInProcess(words);
          await sweepStaleSockets();
          const found = await hashesBelow(folder);
          for (const [path, hash] of users)
            expect(found.get(path), `${path} after ${words.join(" ")}: ${message}`).to.equal(hash);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("of a service loses a file of its folders", async () => {
    process.env["TMPDIR"] = home;
    const files = await writeUserFiles(home, (what) => what);
    for (const parts of [...NAMES.map((one) => ["runs", one, "mine"]), ["runs", ".service", "notes.txt"]]) {
      await mkdir(join(home, ...parts.slice(0, -1)), { recursive: true });
      await writeFile(join(home, ...parts), "mine");
    }
    const users = await hashesBelow(home);
    const listen = `unix://${join(home, "s", "s")}`;
    const serving = await serve({ listen, runs: join(home, "runs"), data: [files.folder], parallel: 1, log: () => {} });
    await serving.drain();
    const found = await hashesBelow(home);
    for (const [path, hash] of users) expect(found.get(path), path).to.equal(hash);
  });
});
