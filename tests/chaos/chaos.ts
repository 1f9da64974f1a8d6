/**
 * Kills director, trainer or both of many short runs, resumes them, and compares each with the run that never died:
 * `npm run test:chaos -- --count 100 --workers 2`. Trials that were done are not done again; `--fresh` forgets them.
 */
import { appendFile, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import type { Trial } from "./trial.js";
import { runTrial } from "./trial.js";
import { chaosGround, scenarioNames } from "./world.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100" },
    workers: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    fresh: { type: "boolean", default: false },
  },
});
const [count, workers, seed] = [Number(values.count), Number(values.workers), Number(values.seed)];
const folder = join(PACKAGE_ROOT, "runs", "chaos", `seed-${seed}`);
if (values.fresh) await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const resultsPath = join(folder, "trials.jsonl");
const done = new Map<number, Trial>();
for (const line of (await readFile(resultsPath, "utf8").catch(() => "")).split("\n")) {
  if (line === "") continue;
  const trial = JSON.parse(line) as Trial;
  if (trial.differences.length === 0) done.set(trial.trial, trial);
}
const waiting = Array.from({ length: count }, (_, trial) => trial).filter((trial) => !done.has(trial));
const trials = [...done.values()].filter(({ trial }) => trial < count);

if (waiting.length > 0) {
  const ground = await chaosGround(folder, scenarioNames);
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const directory = join(folder, `trial-${next}`);
      const trial = await runTrial(next, seed, ground.world, directory, ground.whole);
      trials.push(trial);
      await appendFile(resultsPath, `${JSON.stringify(trial)}\n`);
      const isEqual = trial.differences.length === 0;
      if (isEqual) await rm(directory, { recursive: true, force: true });
      const moments = trial.moments.map(({ phase, occurrence, delay }) => `${phase} ${occurrence} + ${delay} ms`);
      const verdict = isEqual ? "equal" : `DIFFERS: ${trial.differences.join("; ")} (see ${directory})`;
      console.log(
        `${trials.length}/${count} trial ${next}: ${moments.join(", ")}: ${trial.killed.join(", ")}: ${verdict}`,
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
}

const equal = trials.filter(({ differences }) => differences.length === 0).length;
const kills = trials.reduce((sum, { killed }) => sum + killed.length, 0);
const redone = Math.max(0, ...trials.flatMap((trial) => trial.redone));
console.log(`${equal} of ${trials.length} runs equal after ${kills} kills; at most ${redone} steps done again at once`);
process.exit(equal === trials.length ? 0 : 1);
