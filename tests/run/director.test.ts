import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Trainer } from "../../src/backend/trainer.js";
import { UserError } from "../../src/errors.js";
import { Decision } from "../../src/generated/scpo/v1/trainer.js";
import { direct } from "../../src/run/direct.js";
import type { RunEvent } from "../../src/run/log/entries.js";
import { readEqualPart } from "../fixtures/equal-runs.js";
import { Outbox } from "../../src/run/outbox.js";
import type { Decide } from "../../src/run/policies.js";
import { openStage, startTraining } from "../../src/run/trainer-requests.js";
import type { RunSummary } from "../../src/run/read-run.js";
import { readAllJsonl } from "../../src/files/jsonl.js";
import { entriesOf, reportsOf } from "../fixtures/run-log.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

const hashes = (summary: RunSummary) => summary.checkpoints.map(({ weightsSha256 }) => weightsSha256);

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("expected a rejection"),
    (error: unknown) => error,
  );
}

/** Types of the weights in a model's folder, each once, from the header of its safetensors. */
async function savedTypes(folder: string): Promise<string[]> {
  const bytes = await readFile(join(folder, "model.safetensors"));
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString();
  const entries = Object.values(JSON.parse(header) as Record<string, { dtype?: string }>);
  return [...new Set(entries.flatMap(({ dtype }) => dtype ?? []))];
}

describe("directed run", function () {
  this.timeout(120_000);
  let world: TinyWorld;
  let trainer: Trainer;
  let base: RunSummary;
  const events: RunEvent[] = [];

  before(async () => {
    world = await tinyWorld();
    trainer = await world.boot();
    base = await direct(trainer, world.plan("base"), { onEvent: (event) => events.push(event) });
  });

  after(async () => {
    const started = performance.now();
    await trainer.stop();
    expect(performance.now() - started).to.be.lessThan(20_000);
    expect(() => process.kill(trainer.description.processId, 0)).to.throw("ESRCH");
  });

  it("goes through its stages and says so", () => {
    expect(base).to.include({ outcome: "completed", steps: 6 });
    expect(base.stages.map(({ name, steps, unusedPairs }) => [name, steps, unusedPairs])).to.deep.equal([
      ["easy", 2, []],
      ["medium", 2, []],
      ["hard", 2, []],
    ]);
    expect(base.checkpoints.map(({ name, step }) => [name, step])).to.deep.equal([
      ["stage-0", 2],
      ["stage-1", 4],
      ["stage-2", 6],
    ]);
    expect(new Set([base.initialWeightsSha256, ...hashes(base)]).size).to.equal(4);
    const told = events.filter(({ type }) => type !== "table").map(({ type }) => type);
    const stage = ["stage-opened", "step", "step", "checkpoint", "stage-closed"];
    expect(told).to.deep.equal(["claimed", "started", ...stage, ...stage, ...stage, "training-ended", "ended"]);
  });

  it("trains and saves in float32 what was stored in bfloat16, and says so", async () => {
    const told: RunEvent[] = [];
    const plan = world.plan("bf16", { plan: { model: join(world.folder, "model-bf16") } });
    const mixed = await direct(trainer, plan, { onEvent: (event) => told.push(event) });
    const dtypes = (all: RunEvent[]) => all.flatMap((event) => (event.type === "started" ? [event.dtypes] : []));
    expect(dtypes(told)).to.deep.equal([{ stored: "bfloat16", weights: "float32", autocast: "bfloat16" }]);
    expect(dtypes(events)).to.deep.equal([{ stored: "float32", weights: "float32", autocast: "" }]);
    expect(await savedTypes(mixed.checkpoints.at(-1)?.path ?? "")).to.deep.equal(["F32"]);
    // Asked for float32, the same weights give other figures than under bfloat16, and the plan is another.
    const exact = await direct(
      trainer,
      world.plan("exact", { plan: { model: plan.model, training: { bf16: false } } }),
    );
    expect(exact.initialWeightsSha256).to.equal(mixed.initialWeightsSha256);
    expect(hashes(exact)).not.to.deep.equal(hashes(mixed));
  });

  it("resets rewards to zero where the reference becomes the policy", () => {
    // At policy = reference each of SCPO's four terms is ln 2.
    const first = events.flatMap((event) =>
      event.type === "step" && event.report.stepInStage === 1 ? [event.report] : [],
    );
    expect(first).to.have.length(3);
    for (const { loss } of first) expect(loss).to.be.closeTo(4 * Math.LN2, 1e-5);
  });

  it("leaves a log and records that agree", async () => {
    const { directory, ...recorded } = world.plan("base");
    const weightsSha256 = base.initialWeightsSha256;
    expect((await entriesOf(directory, "started"))[0]).to.deep.include({ plan: recorded, weightsSha256 });
    expect(await entriesOf(directory, "decision")).to.have.length(6);
    expect((await entriesOf(directory, "ended"))[0]).to.include({ outcome: "completed", steps: 6 });
    const reports = await reportsOf(directory);
    expect(reports.map(({ step, stage }) => [step, stage])).to.deep.equal([
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 2],
      [6, 2],
    ]);
    expect(base.telemetry).to.deep.equal({ batches: 7, records: 12, gaps: 0, lost: 0, complete: true });
    const records = await readAllJsonl<{ pair: number }>(join(directory, "pair-records.jsonl"));
    expect(records.map(({ pair }) => pair)).to.deep.equal(world.plan("base").stages.flatMap(({ pairs }) => pairs));
  });

  it("is the same again, but for seconds and memory", async () => {
    const again = await direct(trainer, world.plan("again"));
    expect(hashes(again)).to.deep.equal(hashes(base));
    const records = (run: string) => readFile(join(world.folder, "runs", run, "pair-records.jsonl"), "utf8");
    expect(await records("again")).to.equal(await records("base"));
    const log = async (run: string) =>
      JSON.stringify(await readEqualPart(join(world.folder, "runs", run, "log.jsonl")));
    expect((await log("again")).replace('"name":"again"', '"name":"base"')).to.equal(await log("base"));
  });

  it("moves the reference when a policy says so, and learns something else", async () => {
    const losses: number[] = [];
    const moved = await direct(trainer, world.plan("moved"), {
      policies: { decide: ({ step }) => (step === 1 ? { moveReferenceAlpha: 1, reason: "I say so" } : null) },
      onEvent: (event) => event.type === "step" && losses.push(event.report.loss),
    });
    expect(moved.referenceMoves).to.deep.equal([{ step: 1, alpha: 1, reason: "I say so" }]);
    expect(losses[1]).to.be.closeTo(4 * Math.LN2, 1e-5);
    expect(hashes(moved)[0]).not.to.equal(hashes(base)[0]);
  });

  it("ends a stage where no plan does, moves softly, and names the unused pairs", async () => {
    const decide: Decide = ({ step }) => {
      if (step === 1) return { moveReferenceAlpha: 0.25, reason: "a quarter" };
      return step === 3 ? { endStage: true, reason: "enough" } : null;
    };
    const policies = { decide, keepReferenceWeights: true };
    const early = await direct(trainer, world.plan("early"), { policies });
    expect(early).to.include({ outcome: "completed", steps: 5 });
    expect(early.stages.map(({ steps, unusedPairs }) => [steps, unusedPairs])).to.deep.equal([
      [2, []],
      [1, [6, 7]],
      [2, []],
    ]);
    hashes(early).forEach((hash, stage) => expect(hash).not.to.equal(hashes(base)[stage]));
    const decisions = await entriesOf(world.plan("early").directory, "decision");
    expect(decisions.find(({ decision }) => decision.reason !== "")?.decision).to.include({
      step: 1,
      moveReferenceAlpha: 0.25,
      reason: "a quarter",
    });
    const replayed = await direct(trainer, world.plan("early-again"), { policies });
    expect(hashes(replayed)).to.deep.equal(hashes(early));
  });

  it("does not advance without a decision", async () => {
    const plan = world.plan("held");
    await trainer.client.loadModel({ path: plan.model });
    const outbox = new Outbox();
    const responses = trainer.client.train(outbox)[Symbol.asyncIterator]();
    const until = async (wanted: string) => {
      for (;;) {
        const next = await responses.next();
        if (next.done === true) return expect.fail(`the stream ended before ${wanted}`);
        if (next.value.response?.$case === wanted) return next.value.response;
      }
    };
    outbox.send({ $case: "start", value: startTraining(plan, join(plan.directory, "checkpoints"), "") });
    outbox.send({ $case: "openStage", value: openStage(plan, 0, false) });
    outbox.send({ $case: "feedPairs", value: { pairs: plan.stages[0]?.pairs ?? [], last: true } });
    await until("stepReport");
    const second = until("stepReport");
    expect(await Promise.race([second, sleep(1000, "nothing came")])).to.equal("nothing came");
    outbox.send({ $case: "decision", value: Decision.fromPartial({ step: 1 }) });
    expect(await second).to.have.nested.property("value.step", 2);
    outbox.send({ $case: "decision", value: Decision.fromPartial({ step: 2, endStage: true, stop: true }) });
    await until("ended");
    outbox.end();
    expect((await responses.next()).done).to.equal(true);
  });

  it("ends where a policy stops it", async () => {
    const stopped = await direct(trainer, world.plan("stopped"), {
      policies: { decide: ({ step }) => (step === 3 ? { stop: true, reason: "seen enough" } : null) },
    });
    expect(stopped).to.include({ outcome: "stopped", steps: 3, reason: "seen enough" });
    expect(stopped.checkpoints.map(({ name }) => name)).to.deep.equal(["stage-0", "stage-1"]);
  });

  it("is cancelled at once while a policy thinks", async () => {
    const abort = new AbortController();
    const decide: Decide = () => {
      setTimeout(() => abort.abort(), 50);
      return new Promise(() => undefined);
    };
    const started = performance.now();
    const cancelled = await direct(trainer, world.plan("cancelled"), { policies: { decide }, signal: abort.signal });
    expect(performance.now() - started).to.be.lessThan(20_000);
    expect(cancelled).to.include({ outcome: "cancelled", steps: 1 });
    expect(cancelled.checkpoints).to.deep.equal([]);
  });

  it("is cut off when the trainer does not answer, and the next run begins anew", async () => {
    const abort = new AbortController();
    const { processId } = trainer.description;
    let started = 0;
    const cancelling = direct(trainer, world.plan("cut-off"), {
      signal: abort.signal,
      onEvent: (event) => {
        if (event.type !== "step" || event.report.step !== 2) return;
        process.kill(processId, "SIGSTOP");
        started = performance.now();
        abort.abort();
      },
    });
    try {
      expect(await cancelling).to.include({ outcome: "cancelled" });
      expect(performance.now() - started).to.be.lessThan(20_000);
    } finally {
      process.kill(processId, "SIGCONT");
    }
    expect(hashes(await direct(trainer, world.plan("after")))).to.deep.equal(hashes(base));
  });

  it("gives a user's mistakes as one line", async () => {
    const diverging = direct(trainer, world.plan("diverging", { stage: { learningRate: 1e30 } }));
    const error = await rejection(diverging);
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message)
      .to.match(/loss|nan|finite/i)
      .and.not.to.contain("\n");
    const hash = { path: world.pairs.path, sha256: "0".repeat(64) };
    expect(await rejection(direct(trainer, world.plan("hash", { plan: { dataset: hash } })))).to.be.instanceOf(
      UserError,
    );
    const losses = [{ name: "scpo", parameters: { betta: 1 } }];
    const unknown = await rejection(direct(trainer, world.plan("unknown", { stage: { losses } })));
    expect(unknown).to.be.instanceOf(UserError).with.property("message").contains("betta");
  });

  it("does not write into another run's folder, unless told to", async () => {
    const error = await rejection(direct(trainer, world.plan("base")));
    expect(error).to.be.instanceOf(UserError).with.property("message").contains("another run");
    expect(hashes(await direct(trainer, world.plan("base"), { replace: true }))).to.deep.equal(hashes(base));
    expect(await reportsOf(world.plan("base").directory)).to.have.length(6);
  });
});
