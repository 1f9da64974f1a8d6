import { expect } from "chai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTrial } from "../chaos/trial.js";
import { chaosGround } from "../chaos/world.js";

/** Numbers of trials of `tests/chaos/trial.ts`: a director while it saves, a trainer within steps, both at a stage's end. */
const trials = [3, 9, 19];

describe("chaos, in short (`npm run test:chaos` is the long form)", function () {
  this.timeout(600_000);

  it("ends as the run that never died", async function () {
    // Processes are looked up in /proc.
    if (process.platform !== "linux") this.skip();
    const folder = await mkdtemp(join(tmpdir(), "chaos-"));
    try {
      const ground = await chaosGround(folder, ["moving"]);
      for (const number of trials) {
        const trial = await runTrial(number, 1, ground.world, join(folder, `trial-${number}`), ground.whole);
        expect(trial.differences, JSON.stringify(trial)).to.deep.equal([]);
        expect(trial.killed.length, JSON.stringify(trial)).to.be.greaterThan(0);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
