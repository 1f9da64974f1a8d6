import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { bootEmbedded } from "../backend/embedded.js";
import { UserError } from "../errors.js";
import { ASKING, type Asking, type Benchmark } from "../evaluation/benchmark.js";
import { type AnsweringEndpoint, endpointFromOptions, runEndpoint } from "../evaluation/run/endpoint.js";
import { imageFolder } from "../evaluation/run/images.js";
import {
  prepareQuestions,
  prepareRun,
  type QuestionRequest,
  runBenchmark,
  type RunOutcome,
  type RunProgress,
} from "../evaluation/run/run-benchmark.js";
import { settingsPath } from "../evaluation/run/settings.js";
import { showProgress } from "../progress/progress.js";
import { removeLeftovers, temporaryBeside } from "../files/write-atomically.js";
import { modelFolder } from "./model-folder.js";
import { optionPairs } from "./option-values.js";

/** What the command line says. */
export interface EvalRunOptions {
  benchmark: Benchmark;
  /** Folder, name on the hub, or "embedded"; absent where an endpoint answers. */
  model?: string | undefined;
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
  /** File that lists images to ask about. */
  imageList?: string | undefined;
  /** `name=value`. */
  option: readonly string[];
  promptSuffix?: string | undefined;
  skipDamaged: boolean;
  /** Threads of torch. */
  threads?: number | undefined;
  endpointUrl?: string | undefined;
  endpointModel?: string | undefined;
  endpointConcurrency?: string | undefined;
  endpointSettings?: string | undefined;
  /** Print the outcome as JSON. */
  json: boolean;
  signal: AbortSignal;
}

/** `scpo eval run`: lets a model answer a benchmark's questions; the same command goes on after an interruption. */
export async function evalRun(options: EvalRunOptions): Promise<void> {
  const endpoint = endpointOf(options);
  const progress = showProgress();
  const { benchmark, signal } = options;
  const onProgress: RunProgress = (phase, done, total) => {
    signal.throwIfAborted();
    progress.update(benchmark.name, phase, done, total);
  };
  try {
    const outcome = await (endpoint === undefined
      ? runModel(options, onProgress)
      : runEndpoint(await prepareQuestions(requestOf(options), onProgress), endpoint, { onProgress, signal }));
    progress.close();
    process.stdout.write(
      options.json ? `${JSON.stringify(outcome, null, 2)}\n` : summary(outcome, askingOf(options).maxNewTokens),
    );
  } finally {
    progress.close();
  }
}

/** The endpoint that options name, or undefined for a model of this machine. */
function endpointOf(options: EvalRunOptions): AnsweringEndpoint | undefined {
  const {
    endpointUrl: url,
    endpointModel: model,
    endpointConcurrency: concurrency,
    endpointSettings: settings,
  } = options;
  const endpoint = endpointFromOptions({ url, model, concurrency, settings }, process.env, options.signal);
  if (endpoint === undefined) {
    if (options.model !== undefined) return undefined;
    throw new UserError("--model is missing; name a model, or an endpoint with --endpoint-url and --endpoint-model");
  }
  for (const [flag, value] of Object.entries({
    "--model": options.model,
    "--batch-size": options.batchSize,
    "--threads": options.threads,
  })) {
    if (value !== undefined)
      throw new UserError(`${flag} is for a model of this machine, but an endpoint is named; leave one out`);
  }
  return endpoint;
}

function requestOf(options: EvalRunOptions): QuestionRequest {
  const { benchmark, annotations, images, out, imageList, promptSuffix, skipDamaged } = options;
  const { maxNewTokens } = askingOf(options);
  const sample = options.sample === undefined ? undefined : { images: options.sample, seed: options.sampleSeed };
  return {
    ...{ benchmark, annotations, images, out, maxNewTokens, sample, imageList, promptSuffix, skipDamaged },
    options: optionPairs(options.option),
  };
}

/** How the model is asked: as the user says, or else as the benchmark does. */
function askingOf({ benchmark, maxNewTokens, batchSize }: EvalRunOptions): Asking {
  const asking = benchmark.asking ?? ASKING;
  return { maxNewTokens: maxNewTokens ?? asking.maxNewTokens, batchSize: batchSize ?? asking.batchSize };
}

async function runModel(options: EvalRunOptions, onProgress: RunProgress): Promise<RunOutcome> {
  const model = modelFolder("--model", options.model as string);
  const prepared = await prepareRun(
    { ...requestOf(options), model, batchSize: askingOf(options).batchSize },
    onProgress,
  );
  await removeLeftovers(prepared.request.out);
  const logPath = temporaryBeside(prepared.request.out, "log");
  const roots = [model, imageFolder(options.benchmark, options.annotations, options.images, "--images")];
  const trainer = await bootEmbedded({ roots, logPath, threads: options.threads ?? availableParallelism() });
  let outcome: RunOutcome;
  try {
    outcome = await runBenchmark(trainer, prepared, { onProgress, signal: options.signal });
  } finally {
    await trainer.stop();
  }
  await rm(logPath, { force: true });
  return outcome;
}

function summary({ out, settings, resumed, found, cut = 0, reported = [] }: RunOutcome, maxNewTokens: number): string {
  const shown = (path: string) => relative(process.cwd(), path) || path;
  const { count } = settings.prompts;
  const how = found ? "found from an earlier run" : resumed > 0 ? `${resumed} of them from before` : "all new";
  const skipped = settings.skippedImages ?? [];
  return [
    `answers:  ${shown(out)} (${count}, ${how})`,
    `settings: ${shown(settingsPath(out))}`,
    ...(reported.length === 0 ? [] : [`answered: ${reported.join(", ")}`]),
    ...(cut === 0 ? [] : [`note: ${cut} answers end where --max-new-tokens ${maxNewTokens} cuts them off`]),
    ...(skipped.length === 0
      ? []
      : [`note: questions about ${skipped.length} damaged images were left out, the first is ${skipped[0]}`]),
    "",
  ].join("\n");
}
