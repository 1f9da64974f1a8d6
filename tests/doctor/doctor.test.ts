import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkDisk, checkEmbeddedModel, checkMemory, checkNode, checkSockets } from "../../src/doctor/machine.js";
import { checkPython, environmentFindings } from "../../src/doctor/python.js";

describe("doctor", function () {
  this.timeout(120_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-doctor-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("finds this machine's Python and packages fit", async () => {
    const findings = await checkPython();
    expect(findings.map(({ check }) => check)).to.deep.equal(["Python", "packages", "GPU"]);
    expect(findings.filter(({ level }) => level === "fail")).to.deep.equal([]);
  });

  it("names what is wrong, and how to mend it", async () => {
    const [missing] = await checkPython("/nowhere/python");
    expect(missing).to.deep.include({ check: "Python", level: "fail" });
    const [broken] = await checkPython("/bin/false");
    expect(broken).to.deep.include({ check: "Python", level: "fail" });
    const packages = [{ name: "trl", required: ">=1.0,<2", found: "0.9", ok: false }];
    const findings = environmentFindings("/python", { python: "3.10.2", packages, devices_error: "no torch" });
    expect(findings.map(({ level }) => level)).to.deep.equal(["fail", "fail", "fail"]);
    expect(findings[1]?.found).to.equal("trl 0.9, expected >=1.0,<2");
    for (const { mend } of findings) expect(mend).to.be.a("string");
  });

  it("knows an old Node, little memory, room on a disk, and weights that are missing", async () => {
    expect(checkNode("20.18.3").level).to.equal("fail");
    expect(checkNode("20.19.0").level).to.equal("ok");
    expect(checkNode("22.1.0").level).to.equal("ok");
    expect([5e8, 2e9, 8e9].map((bytes) => checkMemory(bytes).level)).to.deep.equal(["fail", "warn", "ok"]);
    expect((await checkDisk(join(folder, "not", "yet"))).found).to.include(folder);
    expect(checkEmbeddedModel(folder)).to.include({ level: "warn" });
  });

  it("knows a folder whose path is too long for sockets", async () => {
    expect(await checkSockets()).to.include({ level: "ok" });
    const long = join(folder, "long".repeat(30));
    mkdirSync(long);
    const finding = await checkSockets(long);
    expect(finding).to.include({ level: "fail" });
    expect(finding.found).to.include("short enough");
  });
});
