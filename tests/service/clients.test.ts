import { expect } from "chai";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPython, pythonPath } from "../../src/backend/python.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { serve, type ServingRuns } from "../../src/service/serve.js";
import { type TinyWorld, tinyWorld } from "../fixtures/tiny-run.js";

const run = promisify(execFile);

describe("clients of the service", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let folder: string;
  let service: ServingRuns;

  before(async () => {
    world = await tinyWorld();
    folder = mkdtempSync(join(tmpdir(), "scpo-clients-"));
    service = await serve({
      runs: join(folder, "runs"),
      data: [world.folder],
      listen: "127.0.0.1:0",
      backend: { kind: "launched", threads: 1 },
    });
  });
  after(async () => {
    await service.drain();
    rmSync(folder, { recursive: true, force: true });
  });

  it("in Python create a run, watch it and bring its model", async () => {
    const out = join(folder, "model");
    const script = join(PACKAGE_ROOT, "examples", "service_client.py");
    const env = { ...process.env, PYTHONPATH: pythonPath() };
    const { stdout } = await run(findPython(), [script, service.address, "pairs.parquet", out], { env });
    expect(stdout).to.match(/^runs\/run-[0-9a-f]{12}$/m);
    expect(stdout).to.match(/^step 3: loss \d/m);
    expect(stdout).to.match(/^stage opened: \{.*"planned_steps": \d.*\}$/m);
    expect(stdout).to.match(/^ended: \{.*\}$/m);
    expect(stdout).to.match(/^SUCCEEDED$/m);
    expect(existsSync(join(out, "model.safetensors"))).to.equal(true);
    const wrong = run(findPython(), [script, service.address, "nowhere.parquet", out], { env });
    const error = await wrong.then(
      () => undefined,
      (failed: { stderr: string }) => failed.stderr,
    );
    expect(error).to.match(/INVALID_ARGUMENT: settings\.data\.pairs: /);
    expect(error).to.not.include("Traceback");
  });

  it("are the lines of the documentation", async () => {
    const text = readFileSync(join(PACKAGE_ROOT, "docs", "service.md"), "utf8");
    const lines = text.split("\n").filter((line) => line.startsWith("npx buf curl"));
    expect(lines).to.have.length(4);
    const outputs: string[] = [];
    for (const line of lines) {
      const here = line
        .replace("npx buf", join(PACKAGE_ROOT, "node_modules", ".bin", "buf"))
        .replace("127.0.0.1:50052", service.address)
        .replace("pairs-2000-seed-1-graded.parquet", "pairs.parquet");
      outputs.push((await run("bash", ["-c", here])).stdout);
    }
    const [created, watched, listed, cancelled] = outputs as [string, string, string, string];
    expect(JSON.parse(created)).to.have.nested.property("run.name", "runs/first");
    expect(watched).to.include('"sequence": "1"').and.include('"RUN_STATE_SUCCEEDED"');
    expect(JSON.parse(listed)).to.have.property("runs").that.has.length(2);
    expect(JSON.parse(cancelled)).to.have.nested.property("run.state", "RUN_STATE_SUCCEEDED");
  });
});
