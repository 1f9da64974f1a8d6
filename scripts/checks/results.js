// What the runners of both languages wrote about their tests: lines of JSON, of which one tells a test
// ({test, file, outcome, seconds, why}) and one what a file cost ({file, cpu}).
import { existsSync, readFileSync } from "node:fs";

const SHOWN = 10;

export function readResults(path) {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  // A runner that was killed may leave half a line.
  const entries = lines.flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const tests = entries.filter(({ test }) => test !== undefined);
  const cpu = new Map();
  for (const entry of entries) {
    if (entry.cpu !== undefined) cpu.set(entry.file, (cpu.get(entry.file) ?? 0) + entry.cpu);
  }
  return { tests, cpu };
}

/** Passed, failed and skipped. A runner that dies, and a file of which nothing is heard, count as failed. */
export function countResults({ tests }, files, code) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of tests) count[outcome] += 1;
  const heard = new Set(tests.map(({ file }) => file));
  const silent = files.filter((file) => !heard.has(file));
  count.failed += silent.length;
  if (code !== 0 && count.failed === 0) count.failed += 1;
  if (files.length === 0) count.failed += 1;
  return { ...count, silent };
}

const seconds = (value) => value.toFixed(1).padStart(7);

/** The slowest files and tests, for people. */
export function slowest({ tests, cpu }) {
  const files = [...cpu].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
  const slow = [...tests].sort((a, b) => b.seconds - a.seconds).slice(0, SHOWN);
  return [
    "       slowest files, in CPU seconds with their processes:",
    ...files.map(([file, value]) => `       ${seconds(value)} ${file}`),
    "       slowest tests, in seconds by the clock:",
    ...slow.map(({ test, file, seconds: value }) => `       ${seconds(value)} ${file}: ${test}`),
  ].join("\n");
}
