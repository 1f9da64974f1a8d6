import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Command, InvalidArgumentError } from "commander";
import { gradeFile } from "../src/difficulty/grade-file.js";
import { sqlText, withDuckDB } from "../src/pairs/duckdb.js";
import { writeAtomically } from "../src/files/write-atomically.js";

// Grades, cuts and orders drawn signals (four a pair, the words of 30 % of the pairs missing) in a process of its own for
// each size. Prints seconds, peak memory and how both grow: `npm run bench:plan -- [--pairs 1000000,10000000]`.

interface Measured {
  pairs: number;
  seconds: number;
  peak_bytes: number;
  signals_bytes: number;
  phases: Record<string, number>;
}

const program = new Command()
  .option("--pairs <sizes>", "numbers of pairs", wholeNumbers, [1_000_000, 10_000_000])
  .option("--memory-limit <size>", "DuckDB's memory", "800MB")
  .option("--folder <path>", "where files are written and spilled", tmpdir())
  .option("--out <path>", "JSON file", "docs/results/bench-plan.json");
program
  .command("grade", { hidden: true })
  .argument("<signals>")
  .argument("<memoryLimit>")
  .action(async (signals: string, memoryLimit: string) => {
    process.stdout.write(JSON.stringify(await grade(signals, memoryLimit)));
  });
program.action(run);
await program.parseAsync();

async function run(options: { pairs: number[]; memoryLimit: string; folder: string; out: string }): Promise<void> {
  const folder = await mkdtemp(join(options.folder, "scpo-bench-"));
  const results: Measured[] = [];
  try {
    process.stdout.write("     pairs  seconds  us a pair  peak memory (MiB)  file (MiB)\n");
    for (const pairs of options.pairs) {
      const signals = join(folder, `${pairs}.parquet`);
      await drawSignals(signals, pairs);
      const command = [...process.execArgv, fileURLToPath(import.meta.url), "grade", signals, options.memoryLimit];
      const { stdout } = await promisify(execFile)(process.execPath, command);
      const measured = JSON.parse(stdout) as Measured;
      results.push(measured);
      const columns = [
        String(pairs).padStart(10),
        measured.seconds.toFixed(1).padStart(7),
        ((measured.seconds / pairs) * 1e6).toFixed(2).padStart(9),
        (measured.peak_bytes / 2 ** 20).toFixed(0).padStart(17),
        (measured.signals_bytes / 2 ** 20).toFixed(0).padStart(10),
      ];
      process.stdout.write(`${columns.join("  ")}\n`);
      await rm(signals);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await writeAtomically(options.out, `${JSON.stringify({ memory_limit: options.memoryLimit, results }, null, 2)}\n`);
  process.stdout.write(`written to ${options.out}\n`);
}

async function drawSignals(path: string, pairs: number): Promise<void> {
  await withDuckDB(path, { threads: 1 }, async (connection) => {
    await connection.run("select setseed(0.5)");
    await connection.run(
      `copy (select random() * 3 as entropy, random() as image_similarity, random() as transport_distance,
        case when random() < 0.7 then round(random(), 3) end as word_proximity from range(${pairs}))
      to ${sqlText(path)} (format parquet)`,
    );
  });
}

async function grade(signals: string, memoryLimit: string): Promise<Measured> {
  const start = performance.now();
  const phases: Record<string, number> = {};
  let last: { phase: string; at: number } | undefined;
  const graded = await gradeFile({
    signals,
    out: `${signals}.graded`,
    memoryLimit,
    seed: 1,
    onProgress: (phase) => {
      const at = performance.now();
      if (last !== undefined) phases[last.phase] = (at - last.at) / 1000;
      last = { phase, at };
    },
  });
  const seconds = (performance.now() - start) / 1000;
  await rm(`${signals}.graded`);
  return {
    pairs: graded.pairs,
    seconds,
    peak_bytes: process.resourceUsage().maxRSS * 1024,
    signals_bytes: (await stat(signals)).size,
    phases,
  };
}

function wholeNumbers(text: string): number[] {
  const sizes = text.split(",").map(Number);
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 3)) {
    throw new InvalidArgumentError("expected whole numbers of 3 or more, such as 1000000,10000000.");
  }
  return sizes;
}
