import { expect } from "chai";
import type { Command } from "commander";
import fc from "fast-check";
import { randomUUID } from "node:crypto";
import { cp, link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { sweepStaleSockets } from "../../src/backend/stale-sockets.js";
import { scpoProgram } from "../../src/cli/program.js";
import { serve } from "../../src/service/serve.js";
import { judgeServer, type JudgeServer } from "../evaluation/judge-server.js";
import { drawPope } from "../fixtures/drawn-pope.js";
import { scpoInProcess } from "../fixtures/scpo-in-process.js";
import { tinyTraining } from "../fixtures/service.js";
import { tinyWorld } from "../fixtures/tiny-run.js";
import { hashesBelow, type UserFiles, writeUserFiles } from "../fixtures/user-files.js";

/** Names that programs, this one among them, give to files that they remove again. */
const NAMES = [
  ...["scpo-2026-11-30", "scpo-2509-24491", "scpo-1-a", "scpo-edit-x", "scpo-sockets.json", "notes", "images", "runs"],
  ...["data", "checkpoints", ".service", "step-4", ".step-4.writing", "control", "cancel", "owner.json", "run.yaml"],
  ...["out", "out.parquet", "out.parquet.log", "out.parquet.pictures", "out.parquet.signals", "out.parquet.tmp"],
  ...["out.parquet.quarantine.jsonl", "out.parquet.import.json", "out.parquet.export.json", "out.parquet.score.json"],
  ...["notes.log", "notes.json", "out.json", "out.log", "table.md", "out-answers.jsonl.partial", "out.partial"],
  ...["out.settings.json", "notes-answers.jsonl.partial", "pope"],
  ...["report.html", "dataset_info.json", "pairs.json", "trainer.sock", "trainer.log", "simulation.svg", "a b", "ü"],
];
/** What the program puts behind the name of an output. */
const BESIDE =
  /(-answers\.jsonl)?\.(partial|settings\.json|log|json|quarantine\.jsonl|(import|export|score)\.json|pictures)$/;
const name = fc.constantFrom(...NAMES);
/** A file somewhere in the tree, by the names of the folders that lead to it. */
const file = fc.array(name, { minLength: 1, maxLength: 3 });

/** Whom a call is for, and what it may use. */
interface World {
  readonly files: UserFiles;
  /** Of any name: free, taken, a folder, a link. */
  readonly out: string;
  /** An endpoint that answers every question with yes. */
  readonly endpoint: string;
}
/** A line of the command, or why none is called here; what serves is stopped when it has begun. */
type Line = (world: World) => string[] | Promise<string[]>;

/** A suite whose answers, or whose tables and logs, lie beside a path, and whose model has its name. */
const suiteBeside =
  (what: "answers" | "tables"): Line =>
  async ({ files: { folder }, out, endpoint }) => {
    const beside = what === "tables" ? join(out, "x") : out;
    const name = /^[\w.-]+$/.test(basename(out)) ? basename(out) : "notes";
    const pope = join(folder, "pope");
    const benchmark = { benchmark: "pope", name: basename(dirname(beside)), annotations: pope };
    const file = join(folder, `${randomUUID()}.suite.yaml`);
    const suite = {
      out: dirname(dirname(beside)),
      models: [{ name, endpoint_url: endpoint, endpoint_model: "yes" }],
      benchmarks: [{ ...benchmark, images: join(pope, "images") }],
    };
    await writeFile(file, JSON.stringify(suite));
    return ["eval", "suite", file];
  };

/** Calls of every command that ends by itself and trains nothing, with an output of any name. */
const QUICK: Readonly<Record<string, readonly Line[]>> = {
  "pairs import": [
    ({ files: { rows }, out }) => ["pairs", "import", rows, "--from", "trl", "--out", out],
    ({ files: { folder }, out }) => ["pairs", "import", folder, "--from", "coco", "--out", out],
  ],
  "pairs check": [({ files: { pairs } }) => ["pairs", "check", pairs]],
  "pairs filter": [({ files: { pairs }, out }) => ["pairs", "filter", pairs, "--where", "true", "--out", out]],
  "pairs score": [
    ({ files: { pairs }, out }) => [
      ...["pairs", "score", pairs, "--signals", "edit_distance", "--use", "edit_distance=1", "--out", out],
    ],
  ],
  "pairs grade": [({ files: { pairs }, out }) => ["pairs", "grade", pairs, "--out", out]],
  "pairs complete": [
    ({ files: { pairs }, out }) => ["pairs", "complete", pairs, "--pictures", "retrieval", "--out", out],
    ({ files: { folder, pairs }, out }) => [
      ...["pairs", "complete", pairs, "--pictures", "command", "--edit-command", "cp {in} {out}"],
      ...["--edit-cache", out, "--out", join(folder, "edited.parquet")],
    ],
  ],
  "pairs apply": [
    ({ files: { pairs, decisions }, out }) => ["pairs", "apply", pairs, "--decisions", decisions, "--out", out],
    ({ files: { pairs, folder }, out }) => [
      ...["pairs", "apply", pairs, "--decisions", out, "--out", join(folder, "applied.parquet")],
    ],
  ],
  "pairs export": ["parquet", "trl", "ms-swift", "llama-factory"].map((format): Line => ({ files: { pairs }, out }) => [
    "pairs",
    "export",
    pairs,
    "--to",
    format,
    "--out",
    out,
  ]),
  "pairs formats": [() => ["pairs", "formats"]],
  "pairs view": [({ files: { pairs }, out }) => ["pairs", "view", pairs, "--decisions", out]],
  "eval score": [
    ({ files: { annotations, answers }, out }) => [
      ...["eval", "score", "chair", "--annotations", annotations, "--answers", answers, "--out", out],
    ],
  ],
  "eval compare": [({ files: { results }, out }) => ["eval", "compare", ...results, "--plot", out]],
  "eval lmms": [({ files: { results }, out }) => ["eval", "lmms", "--results", results[0], "--out", out]],
  "eval run": [
    ({ files: { folder }, out, endpoint }) => [
      ...["eval", "run", "--benchmark", "pope", "--annotations", join(folder, "pope")],
      ...["--images", join(folder, "pope", "images"), "--out", out],
      ...["--endpoint-url", endpoint, "--endpoint-model", "yes"],
    ],
  ],
  "eval suite": [suiteBeside("answers"), suiteBeside("tables")],
  "eval benchmarks": [() => ["eval", "benchmarks"]],
  simulate: [({ files: { run }, out }) => ["simulate", run, "--reference", "fixed", "--out", out]],
  status: [({ out }) => ["status", "--runs", dirname(out)], ({ out }) => ["status", out]],
  pause: [({ files: { run } }) => ["pause", run], ({ out }) => ["pause", out]],
  cancel: [({ out }) => ["cancel", out, "--reason", "enough"]],
  resume: [({ out }) => ["resume", out]],
  estimate: [
    ({ out }) => ["estimate", out],
    ({ files: { folder } }) => ["estimate", join(folder, "directed.yaml"), "--gpu", "a100-80"],
  ],
  train: [({ out }) => ["train", out, "--runs", dirname(out), "--id", "runs"]],
  direct: [
    ({ out }) => ["direct", out, "--runs", dirname(out), "--id", "runs"],
    ({ files: { folder }, out }) => [
      ...["direct", join(folder, "directed.yaml"), "--runs", dirname(out), "--id", basename(out)],
      ...["--listen", `unix://${out}`],
    ],
  ],
  serve: [
    ({ files: { folder }, out }) => [
      ...["serve", "--runs", dirname(out), "--data", folder, "--parallel", "1", "--listen", `unix://${out}`],
    ],
  ],
  schema: [() => ["schema"]],
  // These train for minutes: they look at their folder and are stopped before they begin.
  demo: [({ out }) => ["demo", "--out", out]],
  study: [({ out }) => ["study", "--out", out]],
  base: [({ out }) => ["base", "--out", out, "--scenes", "1"]],
};
/** Commands that go on until they are stopped, or for minutes. */
const STOPPED = ["pairs view", "direct", "serve", "demo", "study", "base"];
/** Commands that start a Python. */
const SLOW: Readonly<Record<string, Line>> = {
  doctor: ({ out }) => ["doctor", "--runs", dirname(out)],
  "eval run": ({ files: { folder }, out }) => [
    ...["eval", "run", "--model", "embedded", "--benchmark", "pope", "--annotations", join(folder, "pope")],
    ...["--images", join(folder, "pope", "images"), "--max-new-tokens", "4", "--threads", "1", "--out", out],
  ],
};
const LINES = Object.entries(QUICK).flatMap(([command, lines]) => lines.map((line) => ({ command, line })));

/** The names of all commands that can be called. */
function commandsOf(program: Command): string[] {
  return program.commands.flatMap((command) =>
    command.commands.length > 0 ? commandsOf(command).map((each) => `${command.name()} ${each}`) : command.name(),
  );
}

describe("no command", function () {
  this.timeout(240_000);
  let home: string;
  let server: JudgeServer;
  let world = 0;
  const usual = process.env["TMPDIR"];

  before(async () => {
    server = await judgeServer(() => "Yes");
  });
  after(() => server.close());
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "lost-"));
  });
  afterEach(async () => {
    if (usual === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = usual;
    await rm(home, { recursive: true, force: true });
  });

  /** A folder with what commands read, and in it, which is TMPDIR too, files of any names. */
  async function settle(paths: readonly string[][], linked: number): Promise<UserFiles> {
    const folder = join(home, String(world++));
    await mkdir(folder);
    process.env["TMPDIR"] = folder;
    const files = await writeUserFiles(folder, (what) => what);
    await drawPope(join(folder, "pope"), 3);
    await writeFile(join(folder, "directed.yaml"), "training: { learning_rate: 0.1 }\n");
    for (const parts of paths) {
      const path = join(folder, ...parts);
      const text = parts.join("/");
      // Without an end, with one, and as a file of this program might look. A name that leads through a file is left out.
      const content = [`my ${text}`, `my ${text}\nmine\n`, `{"mine": "${text}"}`, `{\n  "mine": 1\n}\n`][
        text.length % 4
      ];
      await mkdir(dirname(path), { recursive: true })
        .then(() => writeFile(path, content as string, { flag: "wx" }))
        .catch(() => undefined);
    }
    if (linked === 1) await symlink(files.answers, join(folder, "link.parquet"));
    if (linked === 2) await link(files.pairs, join(folder, "link.parquet"));
    if (linked === 3) await symlink(folder, join(folder, "link.parquet"));
    return files;
  }

  async function usersOf({ folder, results }: UserFiles): Promise<Map<string, string>> {
    const users = await hashesBelow(folder);
    for (const result of results) users.delete(result);
    return users;
  }

  /** Calls a command; every file that the program did not make is as it was. */
  async function call(words: readonly string[], users: ReadonlyMap<string, string>, folder: string): Promise<string> {
    const command = words[0] === "pairs" || words[0] === "eval" ? words.slice(0, 2).join(" ") : (words[0] as string);
    const umask = process.umask();
    const isLong = ["demo", "study", "base"].includes(command);
    const signal = isLong ? AbortSignal.abort() : STOPPED.includes(command) ? AbortSignal.timeout(200) : undefined;
    const message = await scpoInProcess(words, signal);
    process.umask(umask);
    await sweepStaleSockets();
    const found = await hashesBelow(folder);
    for (const [path, hash] of users)
      expect(found.get(path), `${path} after ${words.join(" ")}: ${message}`).to.equal(hash);
    return message ?? "";
  }

  it("is left out here", () => {
    const covered = [...Object.keys(QUICK), ...Object.keys(SLOW)];
    expect(commandsOf(scpoProgram(AbortSignal.abort())).sort()).to.deep.equal([...new Set(covered)].sort());
  });

  it("loses or changes a file that the program did not make", async () => {
    const tree = fc.uniqueArray(file, { minLength: 5, maxLength: 25, selector: (parts) => parts.join("/") });
    const uses = fc.array(fc.record({ which: fc.nat(LINES.length - 1), at: fc.nat(), fresh: file }), {
      minLength: 4,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(tree, uses, fc.nat(3), async (paths, calls, linked) => {
        const files = await settle(paths, linked);
        const { folder } = files;
        const users = await usersOf(files);
        const known = [...(await hashesBelow(folder)).keys(), join(folder, "link.parquet", "rows.jsonl")];
        for (const { which, at, fresh } of calls) {
          // What lies beside an output has its name and an ending.
          const beside = known.filter((path) => BESIDE.test(path)).map((path) => path.replace(BESIDE, ""));
          const names = [[join(folder, ...fresh)], known, beside.length === 0 ? known : beside][at % 3] as string[];
          const out = names[at % names.length] as string;
          const words = await (LINES[which] as (typeof LINES)[number]).line({ files, out, endpoint: server.url });
          await call(words, users, folder);
        }
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  it("that starts a trainer loses or changes one either", async () => {
    const tiny = await tinyWorld();
    const tree = fc.uniqueArray(file, { minLength: 15, maxLength: 25, selector: (parts) => parts.join("/") });
    const names = fc.record({ run: name.filter((each) => /^[\w-]+$/.test(each)), out: file });
    await fc.assert(
      fc.asyncProperty(tree, names, async (paths, { run, out }) => {
        const files = await settle(paths, 0);
        const { folder } = files;
        await cp(tiny.model, join(folder, "model"), { recursive: true });
        await cp(tiny.pairs.path, join(folder, "train.parquet"));
        const settings = {
          model: "model",
          data: { pairs: "train.parquet" },
          backend: { kind: "embedded", threads: 1 },
        };
        const more = { curriculum: { policy: "staged", stages: 3 }, checkpoints: { every_steps: 2 } };
        await writeFile(join(folder, "good.yaml"), JSON.stringify({ ...settings, ...more, training: tinyTraining() }));
        const users = await usersOf(files);
        const runs = join(folder, ...out.slice(0, -1));
        const world = { files, out: join(folder, ...out), endpoint: server.url };
        for (const line of Object.values(SLOW)) await call(await line(world), users, folder);
        // One that is accepted for sure.
        const id = `${run}-${randomUUID()}`;
        expect(await call(["train", join(folder, "good.yaml"), "--runs", runs, "--id", id], users, folder)).to.equal(
          "",
        );
        await call(["resume", join(runs, id)], users, folder);
      }),
      { numRuns: 2, endOnFailure: true },
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
