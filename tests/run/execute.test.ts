import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { appendFile, copyFile, cp, mkdir, readFile, readdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Trainer } from "../../src/backend/trainer.js";
import { TrainerExitedError } from "../../src/backend/trainer.js";
import { UserError } from "../../src/errors.js";
import type { RunDefinition } from "../../src/run/definition.js";
import type { ExecuteOptions } from "../../src/run/definition.js";
import { execute } from "../../src/run/execute.js";
import type { RunEvent } from "../../src/run/log/entries.js";
import { LossNotFiniteError, RunFailedError } from "../../src/run/failures.js";
import { openHandle } from "../../src/run/handle.js";
import type { RunSummary } from "../../src/run/read-run.js";
import type { Result } from "../chaos/trial.js";
import { resultOf } from "../chaos/trial.js";
import { chaosDefinition } from "../fixtures/chaos-scenarios.js";
import { entriesOf, reportsOf } from "../fixtures/run-log.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("expected a rejection"),
    (error: unknown) => error,
  );
}

describe("executed run", function () {
  this.timeout(120_000);
  let world: TinyWorld;
  let trainer: Trainer;
  let whole: Result;
  let count = 0;

  /** Where a new run goes. */
  const place = () => join(world.folder, "runs", `executed-${(count += 1)}`);
  const definition = (directory: string, plan: Partial<RunDefinition["plan"]> = {}): RunDefinition => {
    const given = chaosDefinition(world, "moving", directory);
    return { ...given, plan: { ...given.plan, ...plan } };
  };
  const run = async (directory: string, options: ExecuteOptions = {}, plan: Partial<RunDefinition["plan"]> = {}) =>
    (await execute(definition(directory, plan), { trainer, telemetry: false, ...options })).result();
  /** Goes on with a run that was interrupted, and expects the end of the one that was not. */
  const resumed = async (directory: string): Promise<{ summary: RunSummary; events: RunEvent[] }> => {
    const events: RunEvent[] = [];
    const summary = await run(directory, { resume: true, onEvent: (event) => events.push(event) });
    expect(await resultOf(directory)).to.deep.equal(whole);
    return { summary, events };
  };
  /** A run that was paused after a step. */
  const pausedAfter = async (step: number): Promise<string> => {
    const directory = place();
    const paused = await execute(definition(directory), {
      trainer,
      telemetry: false,
      onEvent: (event) => {
        if (event.type === "step" && event.report.step === step) void paused.pause();
      },
    });
    expect(await paused.result()).to.include({ outcome: "paused", reason: "paused by the caller" });
    return directory;
  };

  before(async () => {
    world = await tinyWorld();
    trainer = await world.boot();
    const directory = place();
    const summary = await run(directory);
    expect(summary).to.include({ outcome: "completed", steps: 24 });
    expect(summary.referenceMoves.length).to.be.greaterThan(3);
    whole = await resultOf(directory);
  });

  after(() => trainer.stop());

  it("keeps the newest saved trainings, and a folder that tells all", async () => {
    const directory = join(world.folder, "runs", "executed-1");
    expect(await readdir(join(directory, "checkpoints"))).to.have.members([
      "stage-0",
      "stage-1",
      "stage-2",
      "step-21",
      "step-24",
    ]);
    const handle = openHandle(directory);
    expect(await handle.describe()).to.deep.include({
      id: "executed-1",
      status: "SUCCEEDED",
      stage: { index: 2, name: "stage 2" },
      stages: 3,
      step: 24,
      plannedSteps: 24,
      resumableStep: 24,
    });
    expect((await handle.result()).steps).to.equal(24);
    const again = await execute(definition(directory), { trainer, resume: true });
    expect(await again.result()).to.deep.equal(await handle.result());
  });

  it("is paused and goes on as if nothing had happened, at any step", async () => {
    for (const step of [1, 8, 13]) {
      const directory = await pausedAfter(step);
      expect((await openHandle(directory).describe()).status).to.equal("PAUSED");
      await resumed(directory);
    }
  });

  it("is paused and cancelled by another process, which follows its events", async () => {
    const directory = place();
    const mine = await execute(definition(directory), { trainer, telemetry: false });
    const theirs = openHandle(directory);
    const seen: number[] = [];
    for await (const { sequence, event } of theirs.events()) {
      seen.push(sequence);
      if (event.type === "step" && event.report.step === 2) void theirs.pause();
    }
    expect(await mine.result()).to.include({ outcome: "paused" });
    expect(seen).to.deep.equal(seen.map((_, index) => index + 1));
    const second = await execute(definition(directory), { trainer, telemetry: false, resume: true });
    await theirs.cancel("enough");
    expect(await second.result()).to.include({ outcome: "cancelled", reason: "enough" });
    expect((await theirs.describe()).status).to.equal("CANCELLED");
    await resumed(directory);
  });

  it("is directed by one process at a time", async () => {
    const directory = place();
    const first = await execute(definition(directory), { trainer, telemetry: false });
    const error = await failure(execute(definition(directory), { trainer, resume: true }));
    expect(error).to.be.instanceOf(UserError).with.property("message").contains(`process ${process.pid} directs it`);
    await first.cancel();
    // What a director that died left, whose process id another process has by now.
    const dead = { processId: process.pid, started: "1", host: (await import("node:os")).hostname() };
    await writeFile(join(directory, "owner.json"), JSON.stringify(dead));
    await resumed(directory);
  });

  it("goes back behind a damaged saved training, and names it", async () => {
    const directory = await pausedAfter(8);
    const saved = join(directory, "checkpoints", "step-8", "optimizer.pt");
    await truncate(saved, 100);
    const { events } = await resumed(directory);
    const damaged = events.filter(({ type }) => type === "checkpoint-damaged");
    expect(damaged).to.have.length(1);
    expect(damaged[0]).to.have.property("name", "step-8");
    expect(damaged[0]).to.have.property("reason").contains("optimizer.pt has 100 bytes");
    expect(events.find(({ type }) => type === "resumed")).to.include({ step: 6 });
  });

  it("begins anew when every saved training is damaged", async () => {
    const directory = await pausedAfter(5);
    for (const name of ["step-3", "step-5"]) await rm(join(directory, "checkpoints", name), { recursive: true });
    const { events } = await resumed(directory);
    expect(events.find(({ type }) => type === "resumed")).to.include({ step: 0 });
  });

  it("minds no torn lines, and goes back behind damaged ones, which it names", async () => {
    const directory = await pausedAfter(8);
    for (const file of ["log", "pair-records"]) {
      await appendFile(join(directory, `${file}.jsonl`), '{"type":"torn');
    }
    const copy = place();
    await cp(directory, copy, { recursive: true });
    expect((await resumed(directory)).events.filter(({ type }) => type === "file-damaged")).to.deep.equal([]);

    const log = join(copy, "log.jsonl");
    const lines = (await readFile(log, "utf8")).split("\n");
    const sevenths = lines.findIndex((line) => line.includes('"step":7'));
    lines[sevenths] = "\0".repeat(20);
    await writeFile(log, lines.join("\n"));
    const { events } = await resumed(copy);
    expect(events.find(({ type }) => type === "file-damaged")).to.deep.include({
      file: "log.jsonl",
      reason: `line ${sevenths + 1}: not JSON`,
    });
    expect(events.find(({ type }) => type === "resumed")).to.include({ step: 6 });
  });

  it("names a vanished data file and the model that changed, and goes on when they are back", async () => {
    const directory = await pausedAfter(4);
    const { path } = world.pairs;
    await rename(path, `${path}.away`);
    try {
      const error = await failure(run(directory, { resume: true }));
      expect(error).to.be.instanceOf(RunFailedError).with.property("message").contains(path);
      expect((error as RunFailedError).cause).to.be.instanceOf(UserError);
      expect(await openHandle(directory).describe()).to.include({ status: "FAILED", resumableStep: 4 });
    } finally {
      await rename(`${path}.away`, path);
    }
    const stage = join(directory, "checkpoints", "..", "other-model");
    await mkdir(stage);
    for (const name of await readdir(world.model)) await copyFile(join(world.model, name), join(stage, name));
    const other = await failure(run(directory, { resume: true }, { seed: 8 }));
    expect(other).to.have.property("message").contains("seed: found 8, but the run began with 7");
    // The same weights under another path are the same model.
    await run(directory, { resume: true }, { model: stage });
    expect(await resultOf(directory)).to.deep.equal(whole);
  });

  it("fails when the loss is not finite, says which pairs it was, and keeps what was saved", async () => {
    const directory = place();
    const stages = definition(directory).plan.stages.map((stage, index) =>
      index === 1 ? { ...stage, learningRate: 1e30, warmupSteps: 0 } : stage,
    );
    const error = await failure(run(directory, {}, { stages }));
    expect(error).to.be.instanceOf(RunFailedError);
    const { cause } = error as RunFailedError;
    expect(cause).to.be.instanceOf(LossNotFiniteError);
    const { step, pairs } = cause as LossNotFiniteError;
    expect(step).to.equal(10);
    expect(pairs).to.have.length(1);
    expect((await entriesOf(directory, "failed")).at(-1)).to.deep.include({ pairs });
    expect(await openHandle(directory).describe()).to.include({ status: "FAILED", resumableStep: 9 });
    expect(await readdir(join(directory, "checkpoints"))).to.include.members(["stage-0", "step-9"]);
  });

  it("goes on after a full disk, of which it tells in one line", async function () {
    const disk = place();
    await mkdir(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      this.skip();
    }
    try {
      // The trainer's roots were followed before the mount; the folder's path is the same.
      const directory = join(disk, "run");
      const filler = join(disk, "filler");
      const running = await execute(definition(directory), { trainer, telemetry: false });
      for await (const event of running) {
        if (event.type === "training-saved" && event.step === 6) {
          await writeFile(filler, Buffer.alloc(8 << 20)).catch(() => undefined);
        }
      }
      const error = await failure(running.result());
      expect(error).to.be.instanceOf(RunFailedError);
      expect((error as RunFailedError).cause).to.be.instanceOf(UserError);
      expect((error as RunFailedError).message)
        .to.match(/cannot be written/)
        .and.match(/space/i)
        .and.not.contain("\n");
      await rm(filler);
      expect(["FAILED", "INTERRUPTED"]).to.include((await openHandle(directory).describe()).status);
      await resumed(directory);
    } finally {
      // Lazily: a thread that has just read there may hold on to it for a moment.
      execFileSync("umount", ["--lazy", disk]);
    }
  });

  it("halves the micro-batch when memory does not suffice, and says so", async function () {
    const { processId } = trainer.description;
    const limit = (bytes: string) => execFileSync("prlimit", [`--pid=${processId}`, `--as=${bytes}:unlimited`]);
    try {
      limit("unlimited");
    } catch {
      this.skip();
    }
    const stages = [{ ...definition("").plan.stages[0], pairs: Array.from({ length: 4096 }, (_, row) => row % 12) }];
    const plan = { stages, batchSize: 2048, gradientAccumulationSteps: 1 } as unknown as Partial<RunDefinition["plan"]>;
    const directory = place();
    const events: RunEvent[] = [];
    // The pages in use, what loading a model takes in threads and modules, and less than a forward pass.
    const status = await readFile(`/proc/${processId}/statm`, "utf8");
    limit(String(Number(status.split(" ")[0]) * 4096 + (400 << 20)));
    try {
      const summary = await run(directory, { onEvent: (event) => events.push(event) }, plan);
      expect(summary).to.include({ outcome: "completed", steps: 2 });
    } finally {
      limit("unlimited");
    }
    const halved = events.filter((event) => event.type === "micro-batch-halved");
    expect(halved.length).to.be.greaterThan(0);
    const { batchSize, gradientAccumulationSteps } = halved.at(-1) as (typeof halved)[number];
    expect(batchSize * gradientAccumulationSteps).to.equal(2048);
    // From its beginning on it was the run with the smaller one.
    const small = place();
    await run(small, {}, { ...plan, batchSize, gradientAccumulationSteps });
    const losses = async (run: string) => (await reportsOf(run)).map(({ loss }) => loss);
    expect(await losses(directory)).to.deep.equal(await losses(small));
  });

  it("restarts a trainer that dies, not for ever", async () => {
    const directory = place();
    const events: RunEvent[] = [];
    const backend = { kind: "embedded", threads: 1, python: "/bin/false" } as const;
    const restarts = { limit: 2, firstDelaySeconds: 0.01, silenceMinutes: 30 };
    await trainer.stop();
    const running = await execute(
      { ...definition(directory), backend, restarts },
      { onEvent: (event) => events.push(event) },
    );
    const error = await failure(running.result());
    expect((error as RunFailedError).cause).to.be.instanceOf(TrainerExitedError);
    const exits = events.flatMap((event) => (event.type === "trainer-exited" ? [event] : []));
    expect(exits.map(({ restart, limit, delaySeconds }) => [restart, limit, delaySeconds])).to.deep.equal([
      [1, 2, 0.01],
      [2, 2, 0.02],
    ]);
    // In the caller's own words.
    const aborted = await execute(definition(place()), { signal: AbortSignal.abort("no longer wanted") });
    expect(await aborted.result()).to.include({ outcome: "cancelled", reason: "no longer wanted" });
    // Nor is it waited for when the run is cancelled while it boots.
    const booting = await execute(definition(place()));
    await booting.cancel("not needed");
    expect(await booting.result()).to.include({ outcome: "cancelled", reason: "not needed", steps: 0 });
    trainer = await world.boot();
    // It failed before it began: there is nothing that it must agree with.
    await resumed(directory);
  });
});
