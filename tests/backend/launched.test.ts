import { expect } from "chai";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RequestRefusedError } from "../../src/backend/client-errors.js";
import type { Trainer } from "../../src/backend/trainer.js";
import { TrainerExitedError } from "../../src/backend/trainer.js";
import { UserError } from "../../src/errors.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { direct } from "../../src/run/direct.js";
import { reportsOf } from "../fixtures/run-log.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";
import { failure } from "../fixtures/rejection.js";

function lives(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** Processes with the parent of this one, itself among them. */
function siblings(processId: number): number[] {
  const parent = (id: string) => / \(.*\) . (\d+) /s.exec(readFileSync(`/proc/${id}/stat`, "utf8"))?.[1];
  const wanted = parent(String(processId));
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.filter((id) => existsSync(`/proc/${id}/stat`) && parent(id) === wanted).map(Number);
}

async function losses(directory: string): Promise<number[]> {
  return (await reportsOf(directory)).map(({ loss }) => loss);
}

describe("launched trainer", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let trainer: Trainer | undefined;

  before(async () => {
    world = await tinyWorld();
  });

  afterEach(async () => {
    await trainer?.stop();
    trainer = undefined;
  });

  it("of one process trains, minds no Ctrl-C of ours, and is named when it is killed", async () => {
    trainer = await world.open({ kind: "launched" });
    const { processId, processes } = trainer.description;
    expect(processes).to.equal(1);
    const summary = await direct(trainer, world.plan("launched"));
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    process.kill(processId, "SIGKILL");
    const named = await failure(trainer.client.describe({}));
    expect(named).to.be.instanceOf(TrainerExitedError);
    expect(named.message)
      .to.match(/killed by SIGKILL/)
      .and.to.contain("serving on unix://");
    expect(lives(processId)).to.equal(false);
  });

  it("of two processes does what one does, and a killed one is named within seconds", async () => {
    trainer = await world.open({ kind: "launched", launcher: "torchrun", processes: 2 }, "two.log");
    const first = trainer.description.processId;
    expect(trainer.description.processes).to.equal(2);
    const changes = { plan: { batchSize: 2, gradientAccumulationSteps: 1 } };
    const summary = await direct(trainer, world.plan("two", changes));
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    const [one, two] = await Promise.all(["launched", "two"].map((name) => losses(world.plan(name).directory)));
    expect(two).to.have.lengthOf(6);
    two?.forEach((loss, step) => expect(loss).to.be.closeTo(one?.[step] as number, 2e-4));
    expect(existsSync(join(world.plan("two").directory, "checkpoints", "stage-1", "model.safetensors"))).to.equal(true);

    const wrong = await failure(trainer.client.loadModel({ path: "/no/such/model" }));
    expect(wrong).to.be.instanceOf(RequestRefusedError).with.nested.property("fields[0].field", "path");
    const all = siblings(first);
    const [other] = all.filter((id) => id !== first);
    expect(all).to.have.lengthOf(2);
    let kill: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (kill = resolve));
    const failing = failure(
      direct(trainer, world.plan("two-killed", changes), {
        policies: { decide: () => (kill(), new Promise(() => undefined)) },
      }),
    );
    await held;
    const killed = performance.now();
    process.kill(other as number, "SIGKILL");
    const error = await failing;
    expect(error).to.be.instanceOf(TrainerExitedError);
    expect(error.message).to.contain(`process 1 of the training (pid ${other}) ended first, with SIGKILL`);
    expect(performance.now() - killed).to.be.lessThan(15_000);
    expect(all.filter(lives)).to.deep.equal([]);
  });

  it("of two processes dies with a killed Node", async () => {
    const script = join(PACKAGE_ROOT, "tests", "fixtures", "launch-and-wait.ts");
    const owner = fork(script, [world.folder], {
      execArgv: ["--import=tsx"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [first] = (await once(owner, "message")) as [number];
    const all = siblings(first);
    expect(all).to.have.lengthOf(2);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    for (let waited = 0; all.some(lives) && waited < 20_000; waited += 50) await sleep(50);
    expect(all.filter(lives)).to.deep.equal([]);
  });

  it("that cannot start says why in one line", async () => {
    const error = await failure(world.open({ kind: "launched", python: "/no/python" }));
    expect(error).to.be.instanceOf(UserError).with.property("message").contains("/no/python");
  });
});
