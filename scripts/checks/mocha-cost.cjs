// The other part of mocha's side of results.js: a root hook by which each worker of `mocha --parallel` writes what a
// file cost. There the root hooks run once a file.
const { appendFileSync, readFileSync } = require("node:fs");
const { relative } = require("node:path");

/** CPU seconds of this process and of those it waited for. */
function cpuSeconds() {
  try {
    const fields = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    // utime, stime, cutime and cstime in ticks, a hundred a second on every Linux that Node runs on.
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
}

let spent = 0;
exports.mochaHooks = {
  afterAll() {
    const now = cpuSeconds();
    const file = this.test.parent.suites[0]?.file;
    if (file !== undefined) {
      const entry = { file: relative(process.cwd(), file), cpu: now - spent };
      appendFileSync(process.env.SCPO_TEST_RESULTS, `${JSON.stringify(entry)}\n`);
    }
    spent = now;
  },
};
