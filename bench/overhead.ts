import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Command } from "commander";
import { bootEmbedded } from "../src/backend/embedded.js";
import { findPython, trainerEnvironment } from "../src/backend/python.js";
import type { Trainer } from "../src/backend/trainer.js";
import { Random } from "../src/numbers/random.js";
import { percentileInterval, quantile } from "../src/numbers/statistics.js";
import { PACKAGE_ROOT } from "../src/package-root.js";
import { sha256File } from "../src/files/sha256.js";
import { direct } from "../src/run/direct.js";
import type { RunPlan } from "../src/run/plan.js";
import { writeAtomically } from "../src/files/write-atomically.js";

// What being driven from TypeScript costs: the same training over the stream, telemetry on, a decision at every step, and
// with the plugin alone in Python, in turn, at three lengths of a step: `npm run bench:overhead -- [--rounds 5]`.
// Both must take the same steps to the last bit of the loss, or the figures are of no use.

/** A step as it was taken: when it ended, its own seconds, its loss. */
interface Step {
  readonly ended: number;
  readonly seconds: number;
  readonly loss: number;
  readonly inStage: number;
}

/** Milliseconds of every step, from the end of one to the end of the next within a stage. */
interface Times {
  /** The whole. */
  readonly whole: number[];
  /**
   * What its own seconds leave out: reporting, waiting for the decision. Less than nothing was left out where its own
   * seconds, those of making its batches among them, passed while the step before waited.
   */
  readonly outside: number[];
}

const SCRIPT = join(PACKAGE_ROOT, "bench", "overhead.py");
const BATCH = 2;
const STAGES = 2;
/** Steps of a stage, by the length of a step. */
const STEPS = { "20 ms": 40, "100 ms": 20, "500 ms": 7 } as const;
type Size = keyof typeof STEPS;

async function bench({ rounds, out }: { rounds: number; out: string }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "scpo-bench-"));
  const environment = { ...process.env, ...trainerEnvironment(1) };
  const alone = new PluginAlone(environment);
  let trainer: Trainer | undefined;
  try {
    const sizes = Object.keys(STEPS) as Size[];
    for (const size of sizes) await mkdir(join(folder, size));
    const build = [SCRIPT, "build", folder, JSON.stringify(STEPS)];
    await promisify(execFile)(findPython(), build, { env: environment });
    trainer = await bootEmbedded({ roots: [folder], logPath: join(folder, "trainer.log"), threads: 1 });
    const times = new Map(sizes.map((size) => [size, { driven: [] as Times[], alone: [] as Times[] }]));
    for (let round = 0; round < rounds; round++) {
      for (const [size, { driven, alone: plain }] of times) {
        const take = {
          alone: async () => alone.train(join(folder, size), join(folder, "alone")),
          driven: async () => drive(trainer as Trainer, join(folder, size), size),
        };
        // In turn, so that neither always comes second.
        const first = round % 2 === 0 ? "alone" : "driven";
        const early = await take[first]();
        const late = await take[first === "alone" ? "driven" : "alone"]();
        requireSame(early, late, size);
        (first === "alone" ? plain : driven).push(timesOf(early));
        (first === "alone" ? driven : plain).push(timesOf(late));
      }
      process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const results = [...times].map(([size, kinds]) => figures(size, kinds));
    process.stdout.write(table(results));
    await writeAtomically(out, `${JSON.stringify({ rounds, results }, null, 2)}\n`);
    process.stdout.write(`written to ${out}\n`);
  } finally {
    alone.end();
    await trainer?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A Python process that trains with the plugin when it is told to. */
class PluginAlone {
  readonly #process;
  readonly #lines;
  readonly #ended: Promise<never>;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#process = spawn(findPython(), ["-W", "ignore", SCRIPT, "train"], {
      env: environment,
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#lines = createInterface(this.#process.stdout);
    this.#ended = once(this.#process, "exit").then((): never => {
      throw new Error("bench/overhead.py ended: run `overhead.py train` by hand to see why");
    });
    // After the last training it may.
    this.#ended.catch(() => undefined);
  }

  async train(folder: string, out: string): Promise<Step[]> {
    const answer = once(this.#lines, "line");
    this.#process.stdin.write(`${JSON.stringify({ folder, out })}\n`);
    const [line] = (await Promise.race([answer, this.#ended])) as [string];
    return JSON.parse(line) as Step[];
  }

  end(): void {
    this.#process.kill();
  }
}

/** The same training over the stream. */
async function drive(trainer: Trainer, folder: string, size: Size): Promise<Step[]> {
  const path = join(folder, "pairs.parquet");
  const steps: Step[] = [];
  await direct(trainer, plan(folder, path, await sha256File(path), size), {
    replace: true,
    telemetry: true,
    onEvent: (event) => {
      if (event.type !== "step") return;
      const { seconds, loss, stepInStage } = event.report;
      steps.push({ ended: performance.now() / 1000, seconds, loss, inStage: stepInStage });
    },
  });
  return steps;
}

function plan(folder: string, path: string, sha256: string, size: Size): RunPlan {
  const pairs = STEPS[size] * BATCH;
  return {
    name: "driven",
    directory: join(folder, "driven"),
    model: join(folder, "model"),
    dataset: { path, sha256 },
    seed: 7,
    batchSize: BATCH,
    gradientAccumulationSteps: 1,
    training: {},
    stages: Array.from({ length: STAGES }, (_, stage) => ({
      name: `stage ${stage}`,
      pairs: Array.from({ length: pairs }, (__, pair) => stage * pairs + pair),
      learningRate: 1e-4,
      schedule: "constant",
      warmupSteps: 0,
      reference: "policy",
      losses: [{ name: "scpo", parameters: {} }],
    })),
  };
}

function requireSame(one: readonly Step[], other: readonly Step[], size: Size): void {
  const differs = one.findIndex((step, at) => step.loss !== other[at]?.loss);
  if (one.length !== other.length || differs !== -1) {
    throw new Error(`${size}: the two trainings are not the same: they differ at step ${differs + 1}`);
  }
}

/** The first step of a stage follows a table and a warm-up. */
function timesOf(steps: readonly Step[]): Times {
  const times: Times = { whole: [], outside: [] };
  steps.forEach(({ ended, seconds, inStage }, at) => {
    const before = steps[at - 1];
    if (inStage < 3 || before === undefined) return;
    times.whole.push(1000 * (ended - before.ended));
    times.outside.push(1000 * (ended - before.ended - seconds));
  });
  return times;
}

function figures(size: string, kinds: { driven: readonly Times[]; alone: readonly Times[] }) {
  const joined = (rounds: readonly Times[]): Times => ({
    whole: rounds.flatMap(({ whole }) => whole),
    outside: rounds.flatMap(({ outside }) => outside),
  });
  const [driven, alone] = [joined(kinds.driven), joined(kinds.alone)];
  const step = median(alone.whole);
  const added = difference(driven.outside, alone.outside);
  return {
    size,
    steps: alone.whole.length,
    step_milliseconds: { driven: described(driven.whole), alone: described(alone.whole) },
    outside_milliseconds: { driven: described(driven.outside), alone: described(alone.outside) },
    added_outside_milliseconds: added,
    overhead: added.median / step,
    overhead_interval: added.interval?.map((end) => end / step),
    // Of a round's two trainings; how they differ among each other tells how much a training's speed varies by itself.
    ratios_of_whole: kinds.driven.map(({ whole }, at) => median(whole) / median(kinds.alone[at]?.whole ?? [])),
  };
}

function described(values: readonly number[]) {
  return { median: median(values), quartiles: [quantile(values, 0.25), quantile(values, 0.75)] };
}

/** Difference of two medians with its 95 % bootstrap interval. */
function difference(values: readonly number[], others: readonly number[]) {
  const [one, other] = [resampledMedians(values, 1), resampledMedians(others, 2)];
  const interval = percentileInterval(one.map((value, at) => value - (other[at] as number)));
  return { median: median(values) - median(others), interval };
}

function resampledMedians(values: readonly number[], seed: number): number[] {
  const random = new Random(`overhead/${seed}`);
  return Array.from({ length: 2000 }, () => median(values.map(() => random.pick(values))));
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5) ?? NaN;
}

function table(results: readonly ReturnType<typeof figures>[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const rows = results.map(({ size, steps, step_milliseconds: step, outside_milliseconds: outside, ...added }) =>
    [
      size.padEnd(7),
      String(steps).padStart(5),
      step.alone.median.toFixed(1).padStart(10),
      step.driven.median.toFixed(1).padStart(11),
      outside.alone.median.toFixed(2).padStart(14),
      outside.driven.median.toFixed(2).padStart(15),
      percent(added.overhead).padStart(9),
      `(${(added.overhead_interval ?? []).map(percent).join(" to ")})`,
      added.ratios_of_whole.map((ratio) => ratio.toFixed(2)).join(" "),
    ].join("  "),
  );
  const head =
    "size     steps  alone (ms)  driven (ms)  outside, alone  outside, driven  overhead  ratios of the whole";
  return `${[head, ...rows].join("\n")}\n`;
}

await new Command()
  .option("--rounds <count>", "trainings of each kind and length", Number, 5)
  .option("--out <path>", "JSON file", "docs/results/bench-overhead.json")
  .action(bench)
  .parseAsync();
