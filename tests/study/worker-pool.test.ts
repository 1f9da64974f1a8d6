import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import type { EvaluateJob } from "../../src/study/job.js";
import { WorkerPool } from "../../src/study/worker-pool.js";

const ENTRY = join(import.meta.dirname, "..", "fixtures", "fake-worker.js");

describe("worker pool", () => {
  let root: string;
  let abort: AbortController;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "scpo-pool-"));
    abort = new AbortController();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const poolOf = (workers: number) =>
    new WorkerPool({ workers, threads: 1, root, onProgress: () => undefined, signal: abort.signal, entry: ENTRY });
  const job = (name: string): EvaluateJob => ({
    kind: "evaluate",
    name,
    directory: join(root, name),
    model: { path: "", sha256: "" },
    scenes: { path: "", sha256: "" },
    split: "test",
  });
  const outcomes = async (pool: WorkerPool, names: string[]) => {
    const settled = await Promise.allSettled(names.map((name) => pool.do(job(name))));
    return settled.map((each) => (each.status === "rejected" ? (each.reason as Error).message : "done"));
  };
  const processOf = (result: object) => (result as { pid: number }).pid;

  it("does every job, keeps its workers, and does not do a finished job again", async () => {
    const pool = poolOf(2);
    const results = await Promise.all(["a", "b", "c", "d"].map((name) => pool.do(job(name))));
    expect(new Set(results.map(processOf)).size).to.equal(2);
    await pool.stop();
    const another = poolOf(1);
    expect(processOf(await another.do(job("a")))).to.equal(processOf(results[0] as object));
    expect(another.trainerSeconds).to.equal(2);
    await another.stop();
  });

  it("names the job that failed and goes on with the others", async () => {
    const pool = poolOf(1);
    expect(await outcomes(pool, ["fail", "b"])).to.deep.equal(["fail: no such colour", "done"]);
    expect(await pool.do(job("fail-2")).catch((error: unknown) => error)).to.be.instanceOf(UserError);
    await pool.stop();
  });

  it("names the death of a worker and starts another for the next job", async () => {
    const pool = poolOf(1);
    expect(await outcomes(pool, ["die", "b"])).to.deep.equal([
      "die: a worker process ended by SIGKILL while it was at work",
      "done",
    ]);
    await pool.stop();
  });

  it("gives up waiting jobs when stopped after a failure, and starts nothing more", async () => {
    const pool = poolOf(1);
    const waiting = outcomes(pool, ["hang", "b", "c"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await pool.stop();
    expect(await waiting).to.deep.equal([
      "hang: a worker process ended with code 0 while it was at work",
      "the pool was stopped",
      "the pool was stopped",
    ]);
    expect(await outcomes(pool, ["d"])).to.deep.equal(["the pool was stopped"]);
  });

  it("tells every job the reason of an abort", async () => {
    const pool = poolOf(2);
    const waiting = outcomes(pool, ["hang-1", "hang-2", "c"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    abort.abort(new Error("enough"));
    expect(await waiting).to.deep.equal(["enough", "enough", "enough"]);
  });
});
