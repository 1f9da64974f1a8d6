import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { SCPO } from "../fixtures/scpo-command.js";

describe("scpo serve, told to end", function () {
  this.timeout(60_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-npx-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts the service and tells the process that was started to end, once it listens. */
  async function ended(program: string, words: readonly string[]): Promise<{ code: number | null; said: string }> {
    const args = [...words, "serve", "--runs", join(folder, "runs"), "--data", folder, "--listen", "127.0.0.1:0"];
    const child: ChildProcess = spawn(program, args, { cwd: PACKAGE_ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stderr?.on("data", (text: Buffer) => (said += text.toString()));
    child.stdout?.once("data", () => child.kill("SIGTERM"));
    // Not before everyone who can still write has gone.
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, said };
  }

  it("ends", async () => {
    const { code, said } = await ended(process.execPath, SCPO);
    expect(said).to.match(/stopping/);
    expect(code).to.equal(0);
  });

  it("ends with npx, which passes no signal on", async () => {
    const { said } = await ended("npx", ["scpo"]);
    expect(said).to.match(/stopping/);
  });
});
