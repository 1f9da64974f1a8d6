import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drawPope, SPLITS } from "../fixtures/drawn-pope.js";
import { judgeServer } from "../evaluation/judge-server.js";
import { SCPO } from "../fixtures/scpo-command.js";

const SCENES = 12;
const BATCH = 2;

describe("scpo eval run", function () {
  this.timeout(180_000);
  let folder: string;
  let count: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-cli-run-"));
    count = await drawPope(folder, SCENES);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const scpo = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [...SCPO, "eval", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });

  const run = (out: string): ChildProcess =>
    scpo(
      ...["run", "--model", "embedded", "--benchmark", "pope", "--annotations", folder],
      ...["--images", join(folder, "images"), "--out", out],
      ...["--max-new-tokens", "6", "--batch-size", String(BATCH), "--threads", "1"],
    );

  async function ended(child: ChildProcess): Promise<{ code: number | null; output: string; errors: string }> {
    let [output, errors] = ["", ""];
    child.stdout?.on("data", (piece: Buffer) => (output += piece.toString()));
    child.stderr?.on("data", (piece: Buffer) => (errors += piece.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, output, errors };
  }

  /** Waits until so many bytes of answers are on the disk. */
  async function written(child: ChildProcess, partial: string, bytes: number): Promise<void> {
    while (((await stat(partial).catch(() => undefined))?.size ?? 0) < bytes) {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} too early`);
      await sleep(2);
    }
  }

  it("killed with kill -9 loses and repeats nothing: the file equals that of an uninterrupted run", async () => {
    const straight = join(folder, "straight.jsonl");
    const killed = join(folder, "killed.jsonl");
    const partial = `${killed}.partial`;
    const whole = await ended(run(straight));
    expect(whole).to.include({ code: 0 });
    expect(whole.output).to.contain(`${count}, all new`);
    const first = run(killed);
    await written(first, partial, 100);
    first.kill("SIGKILL");
    await once(first, "exit");
    expect(existsSync(killed)).to.equal(false);
    const kept = (await readFile(partial, "utf8")).split("\n").length - 1;
    expect(kept).to.be.within(1, count - 1);
    // A kill in the midst of a write leaves a torn line, and half a batch.
    await truncate(partial, (await stat(partial)).size - 7);
    const second = await ended(run(killed));
    expect(second.output).to.contain(`${count}, ${kept - 1} of them from before`);
    for (const ending of ["", ".settings.json"]) {
      expect(await readFile(killed + ending, "utf8")).to.equal(await readFile(straight + ending, "utf8"));
    }
    for (const ending of [".partial", ".log"]) expect(existsSync(killed + ending)).to.equal(false);
    const rows = (await readFile(killed, "utf8")).trimEnd().split("\n");
    const ids = rows.map((row) => (JSON.parse(row) as { question_id: number }).question_id);
    expect(ids).to.deep.equal(Array.from({ length: count }, (_, at) => at + 1));
    // The shipped model answers 95 of 100 such questions rightly, if each is asked about its own picture.
    const scored = await ended(
      scpo("score", "pope", "--annotations", folder, "--answers", killed, "--mode", "strict", "--json"),
    );
    const { n, metrics } = JSON.parse(scored.output) as { n: number; metrics: Record<string, number> };
    expect(n).to.equal(count);
    for (const split of SPLITS) expect(metrics[`${split}/accuracy`]).to.be.greaterThan(75);
  });

  it("stops when told to, and goes on with the same command", async () => {
    const out = join(folder, "told.jsonl");
    const child = run(out);
    const end = ended(child);
    await written(child, `${out}.partial`, 1);
    child.kill("SIGTERM");
    expect(await end).to.include({ code: 130 });
    expect(existsSync(out)).to.equal(false);
    expect((await ended(run(out))).output).to.contain("of them from before");
    expect(await readFile(out, "utf8")).to.equal(await readFile(join(folder, "straight.jsonl"), "utf8"));
  });

  it("asks a model behind an endpoint, with the key of the environment", async () => {
    const server = await judgeServer(({ headers }) => (headers.authorization === "Bearer sk-env" ? "Yes" : null));
    const out = join(folder, "endpoint.jsonl");
    const asked = [
      ...["run", "--benchmark", "pope", "--annotations", folder, "--images", join(folder, "images"), "--out", out],
      ...["--endpoint-url", server.url, "--endpoint-model", "seeing"],
    ];
    try {
      process.env["SCPO_ENDPOINT_API_KEY"] = "sk-env";
      const { code, output, errors } = await ended(scpo(...asked));
      expect(code, errors).to.equal(0);
      expect(errors).not.to.include("sk-env");
      expect(output).to.match(/endpoint.jsonl \(\d+, all new\)\nsettings: .*\nanswered: seeing-0613\n$/);
      expect((await readFile(out, "utf8")).trimEnd().split("\n")).to.have.lengthOf(count);
      const both = await ended(scpo(...asked, "--batch-size", "2"));
      expect(both.errors).to.match(/^scpo: --batch-size is for a model of this machine, but an endpoint is named/);
    } finally {
      delete process.env["SCPO_ENDPOINT_API_KEY"];
      await server.close();
    }
    const none = await ended(scpo(...asked.slice(0, -4)));
    expect(none.errors).to.match(/^scpo: --model is missing; name a model, or an endpoint with --endpoint-url/);
  });

  it("says in one line what is wrong", async () => {
    await mkdir(join(folder, "empty"));
    const images = await ended(
      scpo(
        "run",
        "--model",
        "embedded",
        "--benchmark",
        "pope",
        "--annotations",
        folder,
        "--images",
        join(folder, "empty"),
        "--out",
        join(folder, "x"),
      ),
    );
    expect(images.code).to.equal(1);
    expect(images.errors.trim().split("\n")).to.have.lengthOf(1);
    expect(images.errors).to.match(/^scpo: images: 12 of 12 are missing in .*scene-0\.png \(asked for by 1\)/);
  });
});
