// The measured list of test files, tests/seconds.txt: what a file costs decides its lane, and where it stands in the
// queue. A file that is not in the list is run all the same, and fails the check.
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const LIST = join("tests", "seconds.txt");
/** Up to so many CPU seconds a file is in the fast lane ... */
const FAST_SECONDS = 3;
/** ... and from so many it must be in the slow one, or become faster. */
const SLOW_SECONDS = 60;

const HEADING = `# CPU seconds of every test file, with the processes it starts. A file under ${FAST_SECONDS} is in the fast lane. One whose line
# says what it proves is in the slow lane, which CI runs; from ${SLOW_SECONDS} on it must be. The others are in npm test.
# \`npm run test:measure [FILE ...]\` runs new files, or those named, and writes their lines.
`;

/** The lanes that each command runs. */
export const LANES = {
  fast: ["fast"],
  standard: ["fast", "standard"],
  slow: ["slow"],
  all: ["fast", "standard", "slow"],
};

export const isTypeScript = (file) => file.endsWith(".ts");

/** Every test file of the checkout, relative to it. */
export function testFiles(root) {
  return readdirSync(join(root, "tests"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.test\.ts$|^test_.*\.py$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** The lines of the list by file. */
export function readList(root) {
  const list = new Map();
  const path = join(root, LIST);
  for (const line of existsSync(path) ? readFileSync(path, "utf8").split("\n") : []) {
    if (line === "" || line.startsWith("#")) continue;
    const [, seconds, file, proves] = /^ *([\d.]+) (\S+)(?: # (.+))?$/.exec(line) ?? [];
    if (file === undefined)
      throw new Error(`${LIST}: found ${JSON.stringify(line)}, expected "SECONDS FILE # what it proves"`);
    list.set(file, { seconds: Number(seconds), proves });
  }
  return list;
}

/** Writes measured seconds into the list; files that are gone leave it. */
export function writeList(root, measured) {
  const list = readList(root);
  for (const [file, seconds] of measured) list.set(file, { proves: list.get(file)?.proves, seconds });
  const lines = testFiles(root)
    .filter((file) => list.has(file))
    .map((file) => {
      const { seconds, proves } = list.get(file);
      return `${seconds.toFixed(1).padStart(6)} ${file}${proves === undefined ? "" : ` # ${proves}`}\n`;
    });
  const path = join(root, LIST);
  writeFileSync(`${path}.tmp`, HEADING + lines.join(""));
  renameSync(`${path}.tmp`, path);
}

function laneOf(entry) {
  // What is not measured may be anything: it is run where a change is checked as a rule.
  if (entry === undefined) return "standard";
  if (entry.proves !== undefined) return "slow";
  return entry.seconds < FAST_SECONDS ? "fast" : "standard";
}

/** The files of a command's lanes, the longest first, so that no long one is left for the end. */
export function filesOf(root, command) {
  const list = readList(root);
  return testFiles(root)
    .filter((file) => LANES[command].includes(laneOf(list.get(file))))
    .sort((a, b) => (list.get(b)?.seconds ?? SLOW_SECONDS) - (list.get(a)?.seconds ?? SLOW_SECONDS));
}

/** The test files that are not in the list. */
export function unmeasured(root) {
  const list = readList(root);
  return testFiles(root).filter((file) => !list.has(file));
}

/** Files that now cost far more than the list says, a line each: no failure, since a busy machine adds to CPU time too. */
export function outgrown(root, cpu) {
  const list = readList(root);
  return [...cpu]
    .filter(([file, seconds]) => seconds > 2 * (list.get(file)?.seconds ?? seconds) + 5)
    .map(
      ([file, seconds]) =>
        `${file} takes ${seconds.toFixed(1)} CPU seconds, in the list ${list.get(file).seconds}: npm run test:measure ${file}`,
    );
}

/** What is wrong with the list, a line each. */
export function listFaults(root) {
  const list = readList(root);
  const files = testFiles(root);
  const faults = unmeasured(root).map((file) => `${LIST}: ${file} is not measured. Run: npm run test:measure ${file}`);
  for (const [file, entry] of list) {
    if (!files.includes(file)) faults.push(`${LIST}: ${file} does not exist. Delete its line`);
    else if (entry.seconds >= SLOW_SECONDS && entry.proves === undefined)
      faults.push(
        `${LIST}: ${file} takes ${entry.seconds} CPU seconds. Make it faster, or put it into the slow lane: end its line with "# what it proves"`,
      );
  }
  return faults;
}
