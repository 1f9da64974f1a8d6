import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { readEnvironment } from "../../src/backend/environment.js";
import { findPython } from "../../src/backend/python.js";
import { openRun, resumeRun, startRun, UserError, type RunDescription, type RunEvent } from "../../src/index.js";
import { writeEvaluationScenes } from "../../src/scenes/world-files.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";
import { SCPO } from "../fixtures/scpo-command.js";

interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

describe("scpo train", function () {
  this.timeout(240_000);
  let world: TinyWorld;
  let folder: string;
  let settings: Record<string, unknown>;
  const children: ChildProcess[] = [];

  before(async () => {
    world = await tinyWorld();
    folder = await mkdtemp(join(tmpdir(), "scpo-cli-train-"));
    settings = {
      model: world.model,
      data: { pairs: world.pairs.path },
      training: {
        learning_rate: 1e-2,
        lr_scheduler_type: "constant",
        per_device_train_batch_size: 1,
        gradient_accumulation_steps: 2,
        seed: 7,
      },
      curriculum: { policy: "staged", stages: 3 },
      stages: [{}, { learning_rate: 5e-3 }],
      checkpoints: { every_steps: 2 },
      backend: { kind: "embedded", threads: 1 },
    };
  });

  after(async () => {
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  function start(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [...SCPO, ...args], {
      cwd: PACKAGE_ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    return child;
  }

  async function ended(child: ChildProcess): Promise<Ended> {
    let [output, errors] = ["", ""];
    child.stdout?.on("data", (piece: Buffer) => (output += piece.toString()));
    child.stderr?.on("data", (piece: Buffer) => (errors += piece.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, output, errors };
  }

  const scpo = (...args: string[]): Promise<Ended> => ended(start(...args));
  const runs = () => ["--runs", join(folder, "runs")];

  async function file(name: string, changes: Record<string, unknown> = {}): Promise<string> {
    const path = join(folder, `${name}.yaml`);
    await writeFile(path, stringify({ ...settings, ...changes }));
    return path;
  }

  async function described(id: string): Promise<RunDescription> {
    return (await openRun(join(folder, "runs", id))).describe();
  }

  it("tells every mistake with its line, and does nothing", async () => {
    const path = join(folder, "wrong.yaml");
    await writeFile(path, "model: embedded\ndata: {pairs: nowhere.parquet}\ntraining: {learning_rate: fast}\n");
    const { code, output, errors } = await scpo("train", path, ...runs());
    expect([code, output]).to.deep.equal([1, ""]);
    expect(errors).to.include(`${path}:2:15: data.pairs: found "nowhere.parquet"`);
    expect(errors).to.include(`${path}:3:27: training.learning_rate: found "fast", expected a number`);
    expect(errors).not.to.match(/^\s+at /m);
    expect(existsSync(join(folder, "runs"))).to.equal(false);
  });

  it("repeats no control characters of a file or of the command line", async () => {
    const path = join(folder, "binary.yaml");
    for (const content of ["\x1b[31mred\x07", "a: \x7f\x1b]0;title\x07\nb: 1\n", "\x7fELF\x02\x01\0\0\x1b[2J"]) {
      await writeFile(path, content);
      const { code, errors } = await scpo("train", path, ...runs());
      expect(code).to.equal(1);

      expect(errors, content)
        .to.match(/^scpo: /)
        .and.not.match(/[\x00-\x09\x0b-\x1f\x7f]/);
    }
    for (const word of ["tra\x1b[2Jin", "--\x1b[2J"]) {
      const { errors } = await scpo(word);
      expect(errors).to.include("\\u001b[2J").and.not.include("\x1b");
    }
  });

  it("knows a configuration of Python's command", async () => {
    const { code, errors } = await scpo("train", join(PACKAGE_ROOT, "examples", "trl-scpo.yaml"), ...runs());
    expect(code).to.equal(1);
    expect(errors).to.include("trl-scpo --config");
  });

  it("shows defaults and stages without doing anything", async () => {
    const { code, errors } = await scpo("train", await file("dry"), "--dry-run", ...runs());
    expect(code).to.equal(0);
    expect(errors).to.match(/default training: .*warmup_steps 0/);
    expect(errors).to.match(/stage 1 medium: 2 steps; .*changed: learning_rate 0.01 -> 0.005; inherited: /);
    expect(existsSync(join(folder, "runs"))).to.equal(false);
  });

  it("refuses fp16 where no GPU is, before it takes the run's name", async function () {
    const { devices = [] } = await readEnvironment(findPython());
    if (devices.length > 0) this.skip();
    for (const backend of [{ kind: "embedded" }, { kind: "launched" }]) {
      const path = await file("half", { training: { ...(settings["training"] as object), fp16: true }, backend });
      for (const more of [["--dry-run"], []]) {
        const { code, errors } = await scpo("train", path, ...more, ...runs());
        expect(code, backend.kind).to.equal(1);
        expect(errors).to.match(/^scpo: [^\n]*training\.fp16: found true, expected a CUDA GPU[^\n]*\n$/);
        expect(existsSync(join(folder, "runs"))).to.equal(false);
      }
    }
  });

  it("trains, scores, writes the page, and refuses the name a second time", async () => {
    const scenes = join(folder, "scenes.parquet");
    await writeEvaluationScenes(scenes, { split: "validation", count: 2 });
    const path = await file("whole", { evaluation: { scenes } });
    const first = await scpo("train", path, ...runs());
    expect(first.code, first.errors).to.equal(0);
    expect(first.output).to.match(/run whole: completed after 6 steps/);
    expect(first.output).to.match(/scenes after hard: chair_s \d/);
    const directory = join(folder, "runs", "whole");
    const page = await readFile(join(directory, "report.html"), "utf8");
    for (const text of ["Timeline of the curriculum", "Drift", "after hard", "learning_rate"]) {
      expect(page).to.include(text);
    }
    const second = await scpo("train", path, ...runs());
    expect([second.code, second.output]).to.deep.equal([1, ""]);
    expect(second.errors).to.match(/run "whole" exists: scpo resume .*--id NAME/);
    // A run that has ended is told again, and not trained again.
    const resumed = await scpo("resume", directory);
    expect(resumed.code, resumed.errors).to.equal(0);
    expect(resumed.output).to.equal(first.output);
    const list = await scpo("status", ...runs());
    expect(list.output).to.match(/whole +SUCCEEDED +6\/6 +hard/);
  });

  it("saves at Ctrl-C, says how to go on, goes on, and is cancelled from elsewhere", async () => {
    const path = await file("long", { curriculum: { policy: "staged", stages: 3, epochs: 300 } });
    const child = start("train", path, ...runs());
    const end = ended(child);
    await stepped("long", 2);
    expect(await described("long")).to.include({ status: "RUNNING", plannedSteps: 1800 });
    const second = await scpo("train", path, ...runs());
    expect(second.code).to.equal(1);
    expect(second.errors).to.match(
      new RegExp(
        `^scpo: run "long" is running already, in process ${child.pid}: scpo status \\S+long [^\n]*--id NAME\\)\n$`,
      ),
    );
    child.kill("SIGINT");
    const { code, errors } = await end;
    expect(code, errors).to.equal(130);
    expect(errors).to.match(/to go on, either way: scpo resume .*long/);
    const paused = await described("long");
    expect(paused.status).to.equal("PAUSED");
    // A step that ends while the run is being saved is done again.
    expect(paused.resumableStep).to.be.within(paused.step - 2, paused.step);
    const again = start("resume", join(folder, "runs", "long"));
    const rest = ended(again);
    await stepped("long", paused.step + 2);
    const cancelled = await scpo("cancel", join(folder, "runs", "long"), "--reason", "seen enough");
    expect(cancelled.output).to.match(/run long: CANCELLED \(seen enough\)/);
    const last = await rest;
    expect(last.output).to.match(/run long: cancelled after \d+ steps/);
  });

  async function stepped(id: string, step: number): Promise<void> {
    const path = join(folder, "runs", id, "log.jsonl");
    for (;;) {
      const text = await readFile(path, "utf8").catch(() => "");
      if (text.includes(`"type":"step","report":{"step":${step},`)) return;
      await sleep(50);
    }
  }

  it("says where there is no run, and that there are none", async () => {
    const missing = await scpo("resume", join(folder, "nothing"));
    expect([missing.code, missing.output]).to.deep.equal([1, ""]);
    expect(missing.errors).to.match(/found no run there/);
    await mkdir(join(folder, "empty"), { recursive: true });
    expect((await scpo("status", "--runs", join(folder, "empty"))).output).to.match(/^no runs in/);
  });

  it("is the same from TypeScript, with a policy of one's own", async () => {
    const events: RunEvent[] = [];
    const run = await startRun(settings as Parameters<typeof startRun>[0], {
      runs: join(folder, "runs"),
      id: "from-typescript",
      policies: { decide: ({ step }) => (step === 3 ? { stop: true, reason: "seen enough" } : null) },
    });
    for await (const event of run) events.push(event);
    expect(await run.result()).to.include({ outcome: "stopped", reason: "seen enough", steps: 3 });
    expect(events.filter(({ type }) => type === "step")).to.have.length(3);
    const again = await openRun(run.directory);
    expect(await again.describe()).to.include({ id: "from-typescript", status: "STOPPED", step: 3 });
  });

  it("is resumed with the caller's functions or not at all, and takes none that nothing would ask", async () => {
    const given = settings as Parameters<typeof startRun>[0];
    const place = { runs: join(folder, "runs"), id: "functions" };
    const next = () => ({ pairs: [], reason: "" });
    const unused = await startRun(given, { ...place, id: "unused", policies: { curriculum: { next } } }).catch(
      (error: unknown) => error as Error,
    );
    expect(unused).to.be.instanceOf(UserError);
    expect((unused as Error).message).to.match(/^policies\.curriculum\.next: found a function that no stage would ask/);
    // Nothing is left that would refuse the next with the name.
    expect(existsSync(join(folder, "runs", "unused"))).to.equal(false);

    const policies = { decide: ({ step }: { step: number }) => (step === 5 ? { stop: true, reason: "five" } : null) };
    const run = await startRun(given, { ...place, policies });
    for await (const event of run) if (event.type === "step" && event.report.step === 2) void run.pause();
    expect(await run.describe()).to.include({ status: "PAUSED" });
    const without = await resumeRun(run.directory).catch((error: unknown) => error as Error);
    expect((without as Error).message).to.match(/^policies: found no function for decide, but the run began with one/);
    const { code, errors } = await scpo("resume", run.directory);
    expect([code, errors]).to.satisfy(([, text]: [number, string]) => text.includes("found no function for decide"));
    expect(await (await resumeRun(run.directory, { policies })).result()).to.include({ outcome: "stopped", steps: 5 });
  });

  it("saves and ends as with Ctrl-C when its terminal is closed", async () => {
    const child = start("serve", "--listen", "127.0.0.1:0", "--data", folder, "--runs", join(folder, "served"));
    const [line] = (await once(child.stdout as NonNullable<typeof child.stdout>, "data")) as [Buffer];
    expect(line.toString()).to.match(/^listening on/);
    child.stderr?.destroy();
    child.stdout?.destroy();
    child.kill("SIGHUP");
    // Killed by the signal it would have no code.
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect([code, signal]).to.deep.equal([0, null]);
  });
});
