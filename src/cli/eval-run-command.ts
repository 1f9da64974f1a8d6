import { rm } from "node:fs/promises";
import { relative } from "node:path";
import { bootEmbedded } from "../backend/embedded.js";
import { ASKING, type Benchmark } from "../evaluation/benchmark.js";
import { imageFolder } from "../evaluation/run/images.js";
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
  /** Absent where the annotations hold them. */
  images?: string | undefined;
  out: string;
  /** Longest answer, in tokens; absent: as the benchmark is asked. */
  maxNewTokens?: number | undefined;
  /** Questions a batch; absent: as the benchmark is asked. */
  batchSize?: number | undefined;
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
    const { maxNewTokens, batchSize } = benchmark.asking ?? ASKING;
    const asking = {
      maxNewTokens: options.maxNewTokens ?? maxNewTokens,
      batchSize: options.batchSize ?? batchSize,
    };
    const prepared = await prepareRun({ ...options, ...asking, model, sample }, onProgress);
    await removeLeftovers(prepared.request.out);
    const logPath = temporaryBeside(prepared.request.out, "log");
    const roots = [model, imageFolder(benchmark, options.annotations, options.images, "--images")];
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
