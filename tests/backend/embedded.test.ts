import { expect } from "chai";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sweepStaleSockets } from "../../src/backend/stale-sockets.js";
import type { Trainer } from "../../src/backend/trainer.js";
import { TrainerExitedError } from "../../src/backend/trainer.js";
import { UserError } from "../../src/errors.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { direct } from "../../src/run/direct.js";
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

function socketDirectories(owner: number | undefined, parent = tmpdir()): string[] {
  return readdirSync(parent).filter((name) => name.startsWith(`scpo-${owner}-`));
}

describe("embedded trainer", function () {
  this.timeout(120_000);
  let world: TinyWorld;
  let trainer: Trainer | undefined;

  before(async () => {
    world = await tinyWorld();
  });

  afterEach(async () => {
    await trainer?.stop();
    trainer = undefined;
  });

  it("serves, allows no second one, minds no Ctrl-C, and is stopped even when it hangs", async () => {
    trainer = await world.boot();
    const { processId, versions, losses } = trainer.description;
    expect(versions).to.include.keys("python", "torch", "transformers", "trl");
    expect(losses).to.include("scpo");
    const second = await failure(world.boot());
    expect(second).to.be.instanceOf(UserError).with.property("message").contains("found one running");
    const wrong = await failure(trainer.client.loadModel({ path: "/no/such/model" }));
    expect(wrong).to.be.instanceOf(UserError);
    process.kill(processId, "SIGINT");
    await sleep(50);
    expect(await trainer.client.describe({})).to.include({ processId });
    process.kill(processId, "SIGSTOP");
    const started = performance.now();
    await trainer.stop();
    expect(performance.now() - started).to.be.lessThan(20_000);
    expect(lives(processId)).to.equal(false);
    expect(await trainer.exited).to.include({ expected: true });
    expect(socketDirectories(process.pid)).to.deep.equal([]);
  });

  it("that is killed is named without waiting for a keepalive, by a run, by a call and by the next call", async () => {
    trainer = await world.boot();
    const { processId } = trainer.description;
    let kill: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (kill = resolve));
    const run = direct(trainer, world.plan("killed"), {
      policies: { decide: () => (kill(), new Promise(() => undefined)) },
    });
    const failing = failure(run);
    await held;
    // Stopped, so that the call is under way when the process dies.
    process.kill(processId, "SIGSTOP");
    const call = failure(trainer.client.describe({}));
    await sleep(100);
    const killed = performance.now();
    process.kill(processId, "SIGKILL");
    for (const error of [await failing, await call, await failure(trainer.client.describe({}))]) {
      expect(error).to.be.instanceOf(TrainerExitedError);
      expect(error.message)
        .to.match(/killed by SIGKILL/)
        .and.to.contain("serving on unix://");
    }
    expect(performance.now() - killed).to.be.lessThan(20_000);
    expect(await trainer.exited).to.include({ signal: "SIGKILL", expected: false });
    expect(socketDirectories(process.pid)).to.deep.equal([]);
  });

  it("dies with a killed Node, whose socket directory the next start sweeps", async () => {
    const script = join(PACKAGE_ROOT, "tests", "fixtures", "boot-and-wait.ts");
    // A place of its own: whoever boots a trainer sweeps the usual one.
    const parent = mkdtempSync(join(tmpdir(), "scpo-swept-"));
    const owner = fork(script, [world.folder], {
      execArgv: ["--import=tsx"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { ...process.env, TMPDIR: parent },
    });
    const [processId] = (await once(owner, "message")) as [number];
    const [directory] = socketDirectories(owner.pid, parent);
    expect(directory).not.to.equal(undefined);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    for (let waited = 0; lives(processId) && waited < 20_000; waited += 50) await sleep(50);
    expect(lives(processId)).to.equal(false);
    expect(await sweepStaleSockets(parent)).to.deep.equal([join(parent, directory as string)]);
    expect(socketDirectories(owner.pid, parent)).to.deep.equal([]);
    rmSync(parent, { recursive: true });
  });
});
