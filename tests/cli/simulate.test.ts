import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { started, writeLog } from "../fixtures/run-log.js";
import { SCPO } from "../fixtures/scpo-command.js";

describe("scpo simulate", function () {
  this.timeout(60_000);
  let folder: string;
  let run: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scpo-simulate-"));
    run = join(folder, "run");
    await mkdir(run);
    const stages = [{ name: "<easy>", pairs: [0, 1, 2, 3], reference: "policy" }];
    const dataset = { path: join(folder, "gone.parquet"), sha256: "0".repeat(64) };
    const plan = { name: "short", batchSize: 1, gradientAccumulationSteps: 1, seed: 1, dataset, stages };
    const reports = [1, 2, 3, 4].map((step) => {
      const pairs = [{ pair: step - 1, margins: { textual: 1 } }];
      return StepReport.fromPartial({ step, stepInStage: step, klReference: step, pairs });
    });
    await writeLog(run, [started(plan), ...reports.map((report) => ({ type: "step", report }) as const)]);
  });

  after(() => rm(folder, { recursive: true }));

  function scpo(...options: string[]): Promise<{ code: number; output: string; errors: string }> {
    const command = [...SCPO, "simulate", ...options];
    return new Promise((resolve) => {
      execFile(process.execPath, command, { cwd: PACKAGE_ROOT }, (error, output, errors) => {
        resolve({ code: error === null ? 0 : Number(error.code), output, errors });
      });
    });
  }

  it("prints decisions with their reasons and draws them", async () => {
    const out = join(folder, "picture.svg");
    const { code, output, errors } = await scpo(run, "--reference", "kl-bound,bound=2,window=2", "--out", out);
    expect(errors).to.equal(`simulate: the picture goes to ${out}\n`);
    expect(code).to.equal(0);
    expect(output).to.match(/ 3 {2}reference moves +alpha 1: drift of 2\.5000 nats over 2 steps, above 2\n/);
    const picture = await readFile(out, "utf8");
    expect(picture).to.match(/^<svg xmlns[^>]+>[\s\S]*<\/svg>\n<!-- scpo -->\n$/);
    expect(picture).to.include("step 3: alpha 1: drift").and.include("&lt;easy&gt;").and.not.include("NaN");
  });

  it("says in one line what is wrong", async () => {
    const cases: [string[], RegExp][] = [
      [[run], /^scpo: simulate: found no policy, expected --reference, --curriculum or both\n$/],
      [[run, "--reference", "kl"], /^scpo: reference\.policy: found "kl", expected one of each-stage, .*\n$/],
      [[run, "--reference", "kl-bound,bound"], /^scpo: --reference: found "bound", expected name=value.*\n$/],
      [[run, "--curriculum", "staged"], /^scpo: .*gone\.parquet: not found, expected the run's pairs.*\n$/],
      [[folder, "--reference", "fixed"], /^scpo: .*found no .*log\.jsonl, expected the folder of a run\n$/],
    ];
    for (const [options, message] of cases) {
      const { code, errors } = await scpo(...options);
      expect(code, options.join(" ")).to.equal(1);
      expect(errors).to.match(message);
    }
  });
});
