import { rm } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { bootEmbedded } from "../backend/embedded.js";
import type { Benchmark } from "../evaluation/benchmark.js";
import { prepareRun, runBenchmark, type RunOutcome, type RunProgress } from "../evaluation/run/run-benchmark.js";
import { settingsPath } from "../evaluation/run/settings.js";
import { showProgress } from "../progress/progress.js";
import { removeLeftovers, temporaryBeside } from "../files/write-atomically.js";
import { modelFolder } from "./model-folder.js";

/** What the command line says. */
export interface EvalRunOptions {
  benchmark: Benchmark;
  /** Folder, name on the hub, or "embedded". */
  model: string;
  annotations: string;
  images: string;
  out: string;
  /** Longest answer, in tokens. */
  maxNewTokens: number;
  /** Questions a batch. */
  batchSize: number;
  /** Number of images to ask about; all when absent. */
  sample?: number | undefined;
  /** Which images those are. */
  sampleSeed: number;
  /** Threads of torch. */
  threads: number;
  /** Print the outcome as JSON. */
  json: boolean;
  signal: AbortSignal;
}

/** `scpo eval run`: lets a model answer a benchmark's questions; the same command goes on after an interruption. */
export async function evalRun(options: EvalRunOptions): Promise<void> {
  const progress = showProgress();
  const { benchmark, signal } = options;
  const onProgress: RunProgress = (phase, done, total) => {
    signal.throwIfAborted();
    progress.update(benchmark.name, phase, done, total);
  };
  try {
    const model = modelFolder("--model", options.model);
    const sample = options.sample === undefined ? undefined : { images: options.sample, seed: options.sampleSeed };
    const prepared = await prepareRun({ ...options, model, sample }, onProgress);
    await removeLeftovers(prepared.request.out);
    const logPath = temporaryBeside(prepared.request.out, "log");
    const roots = [model, resolve(options.images)];
    const trainer = await bootEmbedded({ roots, logPath, threads: options.threads });
    let outcome: RunOutcome;
    try {
      outcome = await runBenchmark(trainer, prepared, { onProgress, signal });
    } finally {
      await trainer.stop();
    }
    await rm(logPath, { force: true });
    progress.close();
    process.stdout.write(options.json ? `${JSON.stringify(outcome, null, 2)}\n` : summary(outcome));
  } finally {
    progress.close();
  }
}

function summary({ out, settings, resumed, found }: RunOutcome): string {
  const shown = (path: string) => relative(process.cwd(), path) || path;
  const { count } = settings.prompts;
  const how = found ? "found from an earlier run" : resumed > 0 ? `${resumed} of them from before` : "all new";
  return `answers:  ${shown(out)} (${count}, ${how})\nsettings: ${shown(settingsPath(out))}\n`;
}
