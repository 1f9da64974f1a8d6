import { expect } from "chai";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import type { Progress } from "../../src/progress/progress.js";
import type { BaseTask } from "../../src/study/task.js";
import { TaskPool } from "../../src/study/task-pool.js";

const ENTRY = join(import.meta.dirname, "..", "fixtures", "fake-worker.js");

describe("task pool", () => {
  let root: string;
  let abort: AbortController;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "scpo-pool-"));
    abort = new AbortController();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const shown: string[] = [];
  const progress: Progress = {
    update: (task, phase, done, total) => shown.push(`${task}: ${phase} ${done}/${total}`),
    finish: () => undefined,
    note: () => undefined,
    close: () => undefined,
  };
  const poolOf = (workers: number) => new TaskPool({ workers, root, progress, signal: abort.signal, entry: ENTRY });
  const task = (name: string, scenes = ""): BaseTask => ({
    ...{ kind: "base", name, directory: join(root, name), makes: join(root, name, "made") },
    ...{ inputs: {}, scenes, threads: 1 },
  });
  const outcomes = async (pool: TaskPool, names: string[]) => {
    const settled = await Promise.allSettled(names.map((name) => pool.do(task(name))));
    return settled.map((each) => (each.status === "rejected" ? (each.reason as Error).message : "done"));
  };
  const processOf = (result: object) => (result as { pid: number }).pid;

  it("does every task in a process of its own, and does not do a finished one again", async () => {
    const pool = poolOf(2);
    const results = await Promise.all(["a", "b", "c", "d"].map((name) => pool.do(task(name))));
    expect(new Set(results.map(processOf)).size).to.equal(4);
    expect(shown).to.include("a: work 1/2");
    await pool.stop();
    const another = poolOf(1);
    const [first] = results as [(typeof results)[number], ...typeof results];
    expect(await another.do(task("a"))).to.deep.equal(first);
    expect(another.trainerSeconds).to.equal(first.seconds);
    // What it made is gone, or it is another task: it is done again.
    rmSync(join(root, "a", "made"));
    expect(processOf(await another.do(task("a")))).not.to.equal(processOf(first));
    await another.stop();
  });

  it("keeps what an unfinished task left in its folder, and removes what another task left", async () => {
    const left = join(root, "a", "left");
    const pool = poolOf(1);
    await pool.do(task("a"));
    writeFileSync(left, "");
    rmSync(join(root, "a", "made"));
    await pool.do(task("a"));
    expect(existsSync(left)).to.equal(true);
    await pool.do(task("a", "other.parquet"));
    expect(existsSync(left)).to.equal(false);
    await pool.stop();
  });

  it("names the task that failed and goes on with the others", async () => {
    const pool = poolOf(1);
    expect(await outcomes(pool, ["fail", "b"])).to.deep.equal(["fail: no such colour", "done"]);
    expect(await pool.do(task("fail-2")).catch((error: unknown) => error)).to.be.instanceOf(UserError);
    await pool.stop();
  });

  it("names the death of a process and goes on with the next task", async () => {
    const pool = poolOf(1);
    expect(await outcomes(pool, ["die", "b"])).to.deep.equal([
      "die: its process ended by SIGKILL while it was at work",
      "done",
    ]);
    await pool.stop();
  });

  it("gives up waiting tasks when stopped after a failure, and starts nothing more", async () => {
    const pool = poolOf(1);
    const waiting = outcomes(pool, ["hang", "b", "c"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await pool.stop();
    expect(await waiting).to.deep.equal([
      "hang: its process ended with code 0 while it was at work",
      "the pool was stopped",
      "the pool was stopped",
    ]);
    expect(await outcomes(pool, ["d"])).to.deep.equal(["the pool was stopped"]);
  });

  it("tells every task the reason of an abort", async () => {
    const pool = poolOf(2);
    const waiting = outcomes(pool, ["hang-1", "hang-2", "c"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    abort.abort(new Error("enough"));
    expect(await waiting).to.deep.equal(["enough", "enough", "enough"]);
  });
});
