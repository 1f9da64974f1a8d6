// Everything that must hold before a change lands: generated code, format, lint, types, tests. Quiet when all is
// well; a step that fails prints its whole output. Ends with one line: N passed, N failed.
//
//   node scripts/check.js [STEP] [--lane fast|standard|slow|all] [--jobs N]
//   node scripts/check.js --measure [FILE ...]   # without names: the files that are not in the list yet
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  LANES,
  filesOf,
  isTypeScript,
  listFaults,
  outgrown,
  testFiles,
  unmeasured,
  writeList,
} from "./checks/lanes.js";
import { countResults, readResults, slowest } from "./checks/results.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const state = join(root, ".setup");
const bin = (name) => join(root, "node_modules", ".bin", name);
const python = join(root, ".venv", "bin", "python");
const pythonSources = [
  "python_bridge/scpo_trl",
  "tests/python",
  ...["examples", "bench", "scripts"].filter((folder) => existsSync(join(root, folder))),
];

const { values: options, positionals } = parseArgs({
  options: {
    lane: { type: "string", default: "standard" },
    jobs: { type: "string", default: String(availableParallelism()) },
    measure: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
/** Ends with one line where the command line is wrong. */
function refuse(message) {
  console.error(`check: ${message}`);
  process.exit(1);
}
if (LANES[options.lane] === undefined) {
  refuse(`--lane: found ${options.lane}, expected one of ${Object.keys(LANES).join(", ")}`);
}
const jobs = Number(options.jobs);
if (!Number.isInteger(jobs) || jobs < 1) refuse(`--jobs: found ${options.jobs}, expected a whole number from 1`);

/** What needs no test to run, the longest first. Those of the fast lane find most mistakes for their time. */
const STATIC_STEPS = [
  { name: "types (Python)", lane: "standard", command: bin("pyright"), args: ["--warnings"] },
  {
    name: "lint (TypeScript)",
    lane: "fast",
    command: bin("eslint"),
    args: ["--max-warnings", "0", "src", "tests", "examples"],
  },
  {
    name: "types (TypeScript)",
    lane: "fast",
    command: bin("tsc"),
    args: ["-p", "tests", "--incremental", "--tsBuildInfoFile", join(state, "tests.tsbuildinfo")],
  },
  {
    name: "format (TypeScript)",
    lane: "fast",
    command: bin("prettier"),
    // Its cache knows a file by its content.
    args: [
      ...["--check", "--log-level", "warn", "--cache", "--cache-strategy", "content"],
      ...["--cache-location", join(state, "prettier")],
      ...["src", "tests", "examples", "scripts", "bin", "*.json", "*.js"],
    ],
  },
  {
    name: "API docs",
    lane: "standard",
    command: bin("typedoc"),
    args: ["--emit", "none", "--treatValidationWarningsAsErrors"],
  },
  {
    name: "package (types)",
    lane: "standard",
    command: bin("attw"),
    args: ["--pack", ".", "--profile", "esm-only"],
  },
  { name: "package (publint)", lane: "standard", command: bin("publint"), args: ["run", "--strict"] },
  { name: "generated code", lane: "fast", command: process.execPath, args: ["scripts/generate.js", "--check"] },
  { name: "third-party list", lane: "fast", command: process.execPath, args: ["scripts/third-party.js", "--check"] },
  { name: "rooms", lane: "fast", command: process.execPath, args: ["scripts/rooms.js", "--check"] },
  { name: "types (page)", lane: "fast", command: bin("tsc"), args: ["-p", "src/review/page", "--noEmit"] },
  {
    name: "format (Python)",
    lane: "fast",
    command: python,
    args: ["-m", "ruff", "format", "--check", "-q", ...pythonSources],
  },
  { name: "lint (Python)", lane: "fast", command: python, args: ["-m", "ruff", "check", "-q", ...pythonSources] },
  { name: "contract lint", lane: "fast", command: bin("buf"), args: ["lint", "proto"] },
];

/** The runner of each language over files, which run side by side; the order of the files is kept. */
const RUNNERS = [
  {
    name: "tests (TypeScript)",
    takes: isTypeScript,
    command: bin("mocha"),
    args: (files) => {
      const reporter = join(root, "scripts", "checks", "mocha-results.cjs");
      const cost = join(root, "scripts", "checks", "mocha-cost.cjs");
      return ["--parallel", "--jobs", String(jobs), "--require", cost, "--reporter", reporter, ...files];
    },
  },
  {
    name: "tests (Python)",
    takes: (file) => !isTypeScript(file),
    command: python,
    args: (files) => {
      const side = ["-n", String(jobs), "--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart", "2"];
      return ["-m", "pytest", "-p", "pytest_results", ...side, ...files];
    },
    env: { PYTHONPATH: [join(root, "scripts", "checks"), process.env.PYTHONPATH].filter(Boolean).join(delimiter) },
  },
];

function run({ command, args, env = {} }) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: "0", ...env },
    });
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 1, output: `${output}\n${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
function tell(name, count, started, output, details = "") {
  for (const key of Object.keys(total)) total[key] += count[key];
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const figures = details === "" ? "" : `: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`;
  console.log(`${count.failed === 0 ? "ok    " : "FAILED"} ${name}${figures} (${seconds} s)`);
  if (count.failed > 0) console.log(output.trimEnd());
  if (details !== "") console.log(details);
}

async function runStatic(steps) {
  const waiting = [...steps];
  const work = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const started = Date.now();
      const { code, output } = await run(step);
      tell(step.name, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }, started, output);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

async function runTests(runner, files) {
  const started = Date.now();
  const path = join(state, `${runner.name.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}.jsonl`);
  rmSync(path, { force: true });
  const env = { SCPO_TEST_RESULTS: path, ...runner.env };
  const { code, output } = await run({ command: runner.command, args: runner.args(files), env });
  const results = readResults(path);
  const { silent, ...count } = countResults(results, files, code);
  const unheard = silent.map((file) => `FAILED ${file}: nothing was heard of its tests`).join("\n");
  tell(runner.name, count, started, `${output}\n${unheard}`, slowest(results));
  if (!options.measure) for (const line of outgrown(root, results.cpu)) console.log(`       ${line}`);
  return results;
}

mkdirSync(state, { recursive: true });
if (options.measure) {
  const files = positionals.length > 0 ? positionals : unmeasured(root);
  if (files.length === 0) refuse("--measure: every test file is in the list; name those to measure again");
  const missing = files.filter((file) => !testFiles(root).includes(file));
  if (missing.length > 0)
    refuse(`--measure: found ${missing.join(", ")}, expected test files such as tests/x/y.test.ts`);
  for (const runner of RUNNERS) {
    const own = files.filter(runner.takes);
    if (own.length > 0) writeList(root, (await runTests(runner, own)).cpu);
  }
} else {
  const [only] = positionals;
  const isAsked = ({ name }) => only === undefined || name.includes(only);
  const lanes = LANES[options.lane];
  if (isAsked({ name: "lanes" })) {
    const faults = listFaults(root);
    tell(
      "lanes",
      { passed: faults.length === 0 ? 1 : 0, failed: faults.length, skipped: 0 },
      Date.now(),
      faults.join("\n"),
    );
  }
  await runStatic(STATIC_STEPS.filter((step) => lanes.includes(step.lane) && isAsked(step)));
  const files = filesOf(root, options.lane);
  for (const runner of RUNNERS.filter(isAsked)) {
    await runTests(runner, files.filter(runner.takes));
  }
}
if (total.passed + total.failed === 0)
  refuse(`found no step of the name ${positionals[0]}; \`npm test\` prints their names`);
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
