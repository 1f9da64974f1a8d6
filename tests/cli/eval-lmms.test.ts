import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { SCPO } from "../fixtures/scpo-command.js";

const run = promisify(execFile);

/** Three samples, of which so many are right. */
const world = (right: number) => ({
  results: { scienceqa_img: { figures: { "exact_match,none": right / 3 }, higher_is_better: { exact_match: true } } },
  samples: { scienceqa_img: [0, 1, 2].map((at) => ({ exact_match: at < right ? 1 : 0 })) },
});

describe("scpo eval lmms", function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-cli-lmms-"));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  async function scpo(args: string[], env: Record<string, string> = {}): Promise<{ stdout: string; stderr: string }> {
    return run(process.execPath, [...SCPO, "eval", ...args], { env: { ...process.env, ...env } });
  }

  async function lmms(name: string, right: number): Promise<string> {
    const made = join(folder, `${name}.world.json`);
    await writeFile(made, JSON.stringify(world(right)));
    const out = join(folder, name);
    await scpo(["lmms", "--model", `/models/${name}`, "--tasks", "scienceqa_img", "--out", out], {
      FAKE_LMMS_EVAL: made,
      SCPO_LMMS_EVAL: join(PACKAGE_ROOT, "tests", "fixtures", "fake-lmms-eval.js"),
    });
    return out;
  }

  it("runs lmms-eval, writes a result a task, reads results again, and results of two models compare", async () => {
    const [one, other] = [await lmms("one", 1), await lmms("other", 3)];
    expect(await readdir(one)).to.include.members(["lmms-eval-scienceqa_img.json", "lmms-eval.log", "__models__one"]);
    const results = join(one, "__models__one", "20260806_102223_results.json");
    const { stdout } = await scpo(["lmms", "--results", results, "--out", join(folder, "read"), "--json"]);
    const [result] = JSON.parse(stdout) as [{ benchmark: string; n: number; metrics: Record<string, number> }];
    expect(result).to.include({ benchmark: "lmms-eval/scienceqa_img", n: 3 });
    expect(result.metrics["exact_match"]).to.be.closeTo(100 / 3, 1e-9);
    const files = [one, other].map((out) => join(out, "lmms-eval-scienceqa_img.json"));
    const comparison = JSON.parse((await scpo(["compare", ...files, "--json"])).stdout) as {
      metrics: { difference: number; p: number }[];
    };
    expect(comparison.metrics[0]?.difference).to.be.closeTo(200 / 3, 1e-9);
  });

  it("says how to get lmms-eval where there is none", async () => {
    const none = ["lmms", "--model", "/m", "--tasks", "mme", "--out", join(folder, "none"), "--lmms-eval", "/no/such"];
    const error = (await scpo(none).catch((cause: unknown) => cause)) as { code: number; stderr: string };
    expect(error.code).to.equal(1);
    expect(error.stderr).to.match(/^scpo: lmms-eval: found no program \/no\/such, .* SCPO_LMMS_EVAL\n$/);
  });
});
