import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PACKAGE_ROOT } from "../../src/package-root.js";

const CHECKS = join(PACKAGE_ROOT, "scripts", "checks");

interface Results {
  tests: { test: string; file: string; outcome: string; why?: string }[];
  cpu: Map<string, number>;
}
interface Count {
  passed: number;
  failed: number;
  skipped: number;
  silent: string[];
}
interface ResultsModule {
  readResults: (path: string) => Results;
  countResults: (results: Results, files: string[], code: number) => Count;
}
interface LanesModule {
  listFaults: (root: string) => string[];
  filesOf: (root: string, command: string) => string[];
  writeList: (root: string, measured: Map<string, number>) => void;
}

async function load<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(CHECKS, name)).href)) as T;
}

describe("checks", function () {
  this.timeout(180_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "scpo-checks-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(files: Record<string, string>): string[] {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return Object.keys(files);
  }

  async function outcome(command: string, args: string[], files: string[], env: Record<string, string> = {}) {
    const path = join(folder, "results.jsonl");
    const { status, stdout } = spawnSync(command, [...args, ...files], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, SCPO_TEST_RESULTS: path, ...env },
    });
    const { readResults, countResults } = await load<ResultsModule>("results.js");
    const results = readResults(path);
    const count = countResults(results, files, status ?? 1);
    const failed = results.tests.filter((test) => test.outcome === "failed");
    return { ...results, count, stdout, failed: failed.map(({ file, test }) => `${file}: ${test}`) };
  }

  it("count what mocha's tests do, and name a file that dies, cannot be loaded or holds no test", async () => {
    const files = write({
      "mixed.test.cjs": `describe("mixed", () => { it("passes", () => {}); it("waits");
        it("fails", () => { throw new Error("found 1, expected 2"); }); });`,
      "ground.test.cjs": `describe("ground", () => { before(() => { throw new Error("no ground"); }); it("waits", () => {}); });`,
      "exits.test.cjs": `it("leaves", () => process.exit(0));`,
      "broken.test.cjs": `require("./nowhere.cjs");`,
      "empty.test.cjs": `describe("nothing", () => {});`,
    });
    const mocha = join(PACKAGE_ROOT, "node_modules", "mocha", "bin", "mocha.js");
    const reporter = join(CHECKS, "mocha-results.cjs");
    const args = [
      mocha,
      "--parallel",
      "--jobs",
      "2",
      "--require",
      join(CHECKS, "mocha-cost.cjs"),
      "--reporter",
      reporter,
    ];
    const { count, failed, cpu, stdout } = await outcome(process.execPath, args, files);
    expect(failed).to.have.members([
      "mixed.test.cjs: mixed fails",
      `ground.test.cjs: ground "before all" hook for "waits"`,
      "exits.test.cjs: Uncaught error outside test suite",
      "broken.test.cjs: Uncaught error outside test suite",
    ]);
    expect(stdout).to.include("FAILED mixed.test.cjs: mixed fails\nError: found 1, expected 2");
    expect(count).to.deep.equal({ passed: 1, failed: 5, skipped: 1, silent: ["empty.test.cjs"] });
    expect(cpu.get("mixed.test.cjs")).to.be.greaterThan(0);
  });

  it("count what pytest's tests do, and name a file that dies, cannot be loaded or holds no test", async () => {
    const files = write({
      "test_mixed.py": `import pytest
def test_passes(): pass
def test_fails(): assert 1 == 2
@pytest.mark.skip
def test_waits(): pass
@pytest.fixture
def ground(): raise OSError("no ground")
def test_stands(ground): pass
@pytest.fixture
def litter():
    yield
    raise OSError("litter")
def test_leaves(litter): pass
`,
      "test_dies.py": "import os\ndef test_dies(): os._exit(0)\n",
      "test_broken.py": "import nowhere\n",
      "test_empty.py": "",
    });
    const python = join(PACKAGE_ROOT, ".venv", "bin", "python");
    const args = [
      "-m",
      "pytest",
      "-q",
      "-p",
      "pytest_results",
      "-p",
      "no:cacheprovider",
      "-n",
      "2",
      "--dist",
      "loadfile",
      "--max-worker-restart",
      "2",
    ];
    const { count, failed, cpu } = await outcome(python, args, files, { PYTHONPATH: CHECKS });
    expect(failed).to.have.members([
      "test_mixed.py: test_fails",
      "test_mixed.py: test_stands",
      "test_mixed.py: test_leaves",
      "test_dies.py: test_dies",
      "test_broken.py: (collection)",
    ]);
    expect(count).to.deep.equal({ passed: 1, failed: 6, skipped: 1, silent: ["test_empty.py"] });
    expect(cpu.has("test_mixed.py")).to.equal(true);
  });

  it("fail where nothing is heard, nothing is run, or a runner dies after its last test", async () => {
    const { countResults } = await load<ResultsModule>("results.js");
    const passed = { test: "passes", file: "a", outcome: "passed" };
    expect(countResults({ tests: [passed], cpu: new Map() }, ["a"], 0).failed).to.equal(0);
    expect(countResults({ tests: [passed], cpu: new Map() }, ["a"], 1).failed).to.equal(1);
    expect(countResults({ tests: [passed], cpu: new Map() }, ["a", "b"], 0).failed).to.equal(1);
    expect(countResults({ tests: [], cpu: new Map() }, [], 0).failed).to.equal(1);
  });

  it("put every test file into one lane, by its measured cost, and refuse a file without", async () => {
    const { listFaults, filesOf, writeList } = await load<LanesModule>("lanes.js");
    write({
      "tests/a.test.ts": "",
      "tests/b/c.test.ts": "",
      "tests/python/test_d.py": "",
      "tests/python/common.py": "",
    });
    writeList(
      folder,
      new Map(Object.entries({ "tests/a.test.ts": 1, "tests/b/c.test.ts": 100, "tests/gone.test.ts": 1 })),
    );
    expect(filesOf(folder, "fast")).to.deep.equal(["tests/a.test.ts"]);
    // What is not measured, or not yet said to be slow, is not left out.
    const all = ["tests/a.test.ts", "tests/b/c.test.ts", "tests/python/test_d.py"];
    expect(filesOf(folder, "standard")).to.have.members(all);
    const faults = listFaults(folder);
    expect(faults).to.have.length(2);
    expect(faults[0]).to.include(
      "tests/python/test_d.py is not measured. Run: npm run test:measure tests/python/test_d.py",
    );
    expect(faults[1]).to.include("tests/b/c.test.ts takes 100 CPU seconds");
    write({
      "tests/seconds.txt":
        "1.0 tests/a.test.ts\n90.0 tests/b/c.test.ts # kills\n2 tests/python/test_d.py\n3 tests/e.test.ts\n",
    });
    expect(filesOf(folder, "slow")).to.deep.equal(["tests/b/c.test.ts"]);
    expect(filesOf(folder, "standard")).to.deep.equal(["tests/python/test_d.py", "tests/a.test.ts"]);
    // The longest first.
    expect(filesOf(folder, "all")).to.deep.equal(["tests/b/c.test.ts", "tests/python/test_d.py", "tests/a.test.ts"]);
    expect(listFaults(folder)).to.deep.equal(["tests/seconds.txt: tests/e.test.ts does not exist. Delete its line"]);
  });
});
