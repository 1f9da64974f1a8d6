// Everything that must hold before a change lands: generated code, format, lint, types, tests. Quiet when all is
// well; a step that fails prints its whole output. Ends with one line: N passed, N failed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ".bin", name);
const python = join(root, ".venv", "bin", "python");
const pythonSources = [
  "python_bridge/scpo_trl",
  "tests/python",
  ...["examples", "bench"].filter((folder) => existsSync(join(root, folder))),
];

const mochaCount = (output) => ({
  passed: Number(/^\s*(\d+) passing/m.exec(output)?.[1] ?? 0),
  failed: Number(/^\s*(\d+) failing/m.exec(output)?.[1] ?? 0),
  skipped: Number(/^\s*(\d+) pending/m.exec(output)?.[1] ?? 0),
});
const pytestCount = (output) => {
  const closing = output.trim().split("\n").at(-1) ?? "";
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(closing)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed") + count("errors?"), skipped: count("skipped") };
};

const STEPS = [
  { name: "contract lint", command: bin("buf"), args: ["lint", "proto"] },
  { name: "generated code", command: process.execPath, args: ["scripts/generate.js", "--check"] },
  { name: "third-party list", command: process.execPath, args: ["scripts/third-party.js", "--check"] },
  {
    name: "format (TypeScript)",
    command: bin("prettier"),
    args: ["--check", "--log-level", "warn", "src", "tests", "examples", "scripts", "bin", "*.json", "*.js"],
  },
  { name: "rooms", command: process.execPath, args: ["scripts/rooms.js", "--check"] },
  { name: "format (Python)", command: python, args: ["-m", "ruff", "format", "--check", "-q", ...pythonSources] },
  { name: "lint (Python)", command: python, args: ["-m", "ruff", "check", "-q", ...pythonSources] },
  { name: "types (TypeScript)", command: bin("tsc"), args: ["-p", "tests"] },
  { name: "types (page)", command: bin("tsc"), args: ["-p", "src/review/page", "--noEmit"] },
  { name: "lint (TypeScript)", command: bin("eslint"), args: ["--max-warnings", "0", "src", "tests", "examples"] },
  { name: "package (publint)", command: bin("publint"), args: ["run", "--strict"] },
  { name: "package (types)", command: bin("attw"), args: ["--pack", ".", "--profile", "esm-only"] },
  { name: "API docs", command: bin("typedoc"), args: ["--emit", "none", "--treatValidationWarningsAsErrors"] },
  { name: "types (Python)", command: bin("pyright"), args: ["--warnings"] },
  { name: "tests (TypeScript)", command: bin("mocha"), args: ["tests/**/*.test.ts"], count: mochaCount },
  { name: "tests (Python)", command: python, args: ["-m", "pytest"], count: pytestCount },
];

function run({ command, args }) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: "0" },
    });
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 1, output: `${output}\n${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

const only = process.argv[2];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS.filter(({ name }) => only === undefined || name.includes(only))) {
  const started = Date.now();
  const { code, output } = await run(step);
  let count = { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  if (step.count) {
    count = step.count(output);
    // A runner that dies before it counts anything, or finds no test, has failed.
    if ((code !== 0 && count.failed === 0) || count.passed + count.failed === 0) count.failed += 1;
  }
  for (const key of Object.keys(total)) total[key] += count[key];
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const figures = step.count ? `: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped` : "";
  console.log(`${count.failed === 0 ? "ok    " : "FAILED"} ${step.name}${figures} (${seconds} s)`);
  if (count.failed > 0) console.log(output.trimEnd());
}
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
process.exitCode = total.failed === 0 ? 0 : 1;
