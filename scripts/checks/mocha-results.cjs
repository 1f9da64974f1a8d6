// mocha's side of results.js: a reporter that writes every test as a line of JSON to $SCPO_TEST_RESULTS and prints those
// that fail.
const { appendFileSync } = require("node:fs");
const { relative } = require("node:path");
const { reporters } = require("mocha");

const write = (entry) => appendFileSync(process.env.SCPO_TEST_RESULTS, `${JSON.stringify(entry)}\n`);
const here = (file) => (file ? relative(process.cwd(), file) : undefined);

class Results {
  constructor(runner) {
    const tell = (outcome) => (test, error) => {
      const file = here(test.file ?? error?.file);
      const name = test.fullTitle();
      const why = outcome === "failed" ? (error?.message ?? String(error)) : undefined;
      write({ test: name, file, outcome, seconds: (test.duration ?? 0) / 1000, why });
      if (outcome !== "failed") return;
      const difference =
        error?.expected !== undefined && reporters.Base.showDiff(error)
          ? reporters.Base.generateDiff(error.actual, error.expected)
          : "";
      console.log(`FAILED ${file}: ${name}\n${error?.stack ?? why}${difference}\n`);
    };
    runner.on("pass", tell("passed"));
    runner.on("fail", tell("failed"));
    runner.on("pending", tell("skipped"));
  }
}

module.exports = Results;
