import { expect } from "chai";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { runDemo, type DemoOptions } from "../../src/study/demo.js";
import { readRecipe } from "../../src/study/recipe.js";
import type { Progress } from "../../src/progress/progress.js";
import { failure } from "../fixtures/rejection.js";

const COMMAND = join(PACKAGE_ROOT, "bin", "scpo.js");
const silent: Progress = {
  update: () => undefined,
  finish: () => undefined,
  note: () => undefined,
  close: () => undefined,
};

/** Everything in a result but its wall-clock seconds. */
function figures(result: object): object {
  return { ...result, seconds: undefined };
}

function processesUnder(folder: string): Promise<string> {
  return promisify(execFile)("pgrep", ["-f", folder]).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
}

describe("demonstration", function () {
  this.timeout(600_000);
  let folder: string;
  let options: DemoOptions;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "scpo-demo-"));
    const recipe = { ...(await readRecipe()), pairs: 48, epochs: 1 };
    const out = join(folder, "first");
    options = {
      seed: 5,
      out,
      recipe,
      workers: 2,
      testScenes: 40,
      progress: silent,
      signal: new AbortController().signal,
    };
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("writes a result and a page, finds them again, and gives the same figures when interrupted and run again", async () => {
    const first = await runDemo(options);
    expect(first.found).to.equal(false);
    const { result } = first;
    expect(result).to.include({ seed: 5, threads: options.recipe.threads, test_scenes: 40, pairs: 48 });
    expect(Object.keys(result.models)).to.deep.equal(["base", "sft", "dpo", "scpo"]);
    for (const scores of Object.values(result.models)) {
      expect(scores.metrics["chair_s"]).to.be.within(0, 100);
      expect(scores.metrics["accuracy"]).to.be.within(0, 100);
      expect(scores.interval["cover"]?.[0]).to.be.at.most(scores.metrics["cover"] as number);
    }
    expect(result.stages.filter(({ method }) => method === "scpo").map(({ name }) => name)).to.deep.equal([
      "easy",
      "medium",
      "hard",
    ]);
    const page = readFileSync(first.reportPath, "utf8");
    expect(page).to.include("</html>");
    // In the bytes of a picture any letters can stand.
    const text = page.replace(/base64,[\w+/=]+/g, "");
    expect(text).not.to.match(/NaN|undefined|https?:\/\/(?!www\.w3\.org)/);

    const again = await runDemo(options);
    expect(again.found).to.equal(true);
    expect(again.result).to.deep.equal(result);

    const other = { ...options, out: join(folder, "second"), workers: 1 };
    const stop = new AbortController();
    const interrupting: Progress = {
      ...silent,
      update: (task, phase) => {
        if (task === "scpo" && phase.startsWith("steps")) stop.abort(new Error("enough"));
      },
    };
    const interrupted = await failure(runDemo({ ...other, progress: interrupting, signal: stop.signal }));
    expect(interrupted.message).to.equal("enough");
    const graded = statSync(join(other.out, "data", "pairs-48-seed-5-graded.parquet")).mtimeMs;
    const anew = await runDemo(other);
    // What was done stays, and the run goes on.
    expect(statSync(join(other.out, "data", "pairs-48-seed-5-graded.parquet")).mtimeMs).to.equal(graded);
    expect(readFileSync(join(other.out, "scpo", "log.jsonl"), "utf8")).to.include('"type":"resumed"');
    expect(anew.found).to.equal(false);
    expect(figures(anew.result)).to.deep.equal(figures(result));
  });

  it("ends at Ctrl-C, not when its work is done, and leaves no process", async () => {
    const out = join(folder, "interrupted");
    const child = spawn(process.execPath, [COMMAND, "demo", "--pairs", "48", "--out", out], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    while (!/base: answers/.test(said)) await once(child.stderr, "data");
    const started = Date.now();
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number | null];
    expect(code).to.equal(130);
    expect(Date.now() - started).to.be.below(20_000);
    expect(said).not.to.match(/\n\s+at /);
    expect(await processesUnder(out)).to.equal("");
  });

  for (const [args, message] of [
    [["demo", "--seed", "x"], /--seed.*found x, expected a whole number/],
    [["demo", "--sed", "1"], /unknown option '--sed'/],
    [["dmeo"], /unknown command 'dmeo'/],
  ] as const) {
    it(`answers \`scpo ${args.join(" ")}\` in plain words`, async () => {
      const failed = await promisify(execFile)(process.execPath, [COMMAND, ...args]).then(
        () => undefined,
        (error: { code: number; stderr: string }) => error,
      );
      expect(failed?.code).to.equal(1);
      expect(failed?.stderr).to.match(message);
      expect(failed?.stderr).not.to.match(/\n\s+at /);
    });
  }
});
