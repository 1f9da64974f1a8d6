import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Trainer } from "../../backend/trainer.js";
import { UserError } from "../../errors.js";
import type { Benchmark } from "../benchmark.js";
import { askMissing } from "./ask.js";
import { findImages, type Images, imageFolder } from "./images.js";
import { hashModelFiles } from "./model-files.js";
import { PartialAnswers, partialPath } from "./partial-answers.js";
import { type ImageSample, type Questions, readQuestions } from "./questions.js";
import { readSettings, type RunSettings, settingsDifference, settingsPath, writeSettings } from "./settings.js";
import { writeAnswers } from "./write-answers.js";
import { makeFolder } from "../../files/writable.js";

/** What is to be answered by which model. */
export interface RunRequest {
  benchmark: Benchmark;
  /** Folder of the model. */
  model: string;
  /** Folder of the benchmark's annotations. */
  annotations: string;
  /** Folder of its images; undefined where the annotations hold them. */
  images?: string | undefined;
  /** Answer file; for a benchmark whose answers are a folder of text files, the folder. */
  out: string;
  /** Longest answer, in tokens. */
  maxNewTokens: number;
  /** Questions a batch. */
  batchSize: number;
  /** Part of the images to ask about; all when absent. */
  sample?: ImageSample | undefined;
}

/** Hears how far a run is. */
export type RunProgress = (phase: "images" | "answers", done: number, total: number) => void;

/** A request whose questions and images were found. */
export interface PreparedRun {
  request: RunRequest;
  questions: Questions;
  images: Images;
  modelFilesSha256: string;
}

/** How a run ended. */
export interface RunOutcome {
  out: string;
  settings: RunSettings;
  /** Answers that an earlier, interrupted run had left. */
  resumed: number;
  /** Whether the answer file was complete before. */
  found: boolean;
}

/**
 * Finds everything that a run needs, before a trainer is started.
 *
 * @throws UserError when questions, images or model are missing or wrong.
 */
export async function prepareRun(request: RunRequest, onProgress?: RunProgress): Promise<PreparedRun> {
  const out = resolve(request.out);
  const questions = await readQuestions(request.benchmark, request.annotations, request.sample);
  const modelFilesSha256 = await hashModelFiles(request.model);
  const { benchmark, annotations } = request;
  const folder = imageFolder(benchmark, annotations, request.images, "--images");
  const images = await findImages(benchmark, questions.prompts, { annotations, folder }, (done, total) =>
    onProgress?.("images", done, total),
  );
  if (existsSync(out) && !existsSync(settingsPath(out))) {
    throw new UserError(
      `${request.out}: exists, and no ${settingsPath(request.out)} says how it came about: choose another --out or remove it`,
    );
  }
  await makeFolder(dirname(out));
  return { request: { ...request, out }, questions, images, modelFilesSha256 };
}

/**
 * Answers a benchmark's questions and writes the answer file. Interrupted at any moment, by Ctrl-C or kill -9, the same
 * request goes on where it stopped; the file is then the same as without the interruption.
 *
 * @param trainer - Started with the folders of model and images as roots.
 * @throws UserError when answers lie there that were given with other settings.
 */
export async function runBenchmark(
  trainer: Trainer,
  prepared: PreparedRun,
  options: { onProgress?: RunProgress; signal?: AbortSignal } = {},
): Promise<RunOutcome> {
  const { request, questions, images } = prepared;
  const { out, benchmark, maxNewTokens, batchSize } = request;
  const settings = await loadModel(trainer, prepared, options.signal);
  const earlier = await readSettings(settingsPath(out));
  const difference = earlier === undefined ? undefined : settingsDifference(earlier, settings);
  const found = existsSync(out);
  if (found && difference !== undefined) throw refusal(out, difference);
  if (found) {
    await rm(partialPath(out), { force: true });
    return { out, settings, resumed: 0, found };
  }
  const partial = await PartialAnswers.open(partialPath(out), questions.prompts.length);
  const resumed = partial.size;
  try {
    if (resumed > 0 && earlier === undefined) throw refusal(partialPath(out), `${settingsPath(out)} is missing`);
    if (resumed > 0 && difference !== undefined) throw refusal(partialPath(out), difference);
    await writeSettings(settingsPath(out), settings);
    await askMissing(trainer.client, partial, {
      prompts: questions.prompts,
      images,
      maxNewTokens,
      batchSize,
      onProgress: (done, total) => options.onProgress?.("answers", done, total),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } finally {
    await partial.close();
  }
  const rows = questions.prompts.map((prompt, at) => benchmark.answerRow?.(prompt, partial.get(at) as string));
  await writeAnswers(out, benchmark.answers, rows);
  await rm(partialPath(out), { force: true });
  return { out, settings, resumed, found };
}

async function loadModel(
  trainer: Trainer,
  { request, questions, images, modelFilesSha256 }: PreparedRun,
  signal: AbortSignal | undefined,
): Promise<RunSettings> {
  const path = resolve(request.model);
  const loaded = await trainer.client.loadModel({ path }, signal === undefined ? {} : { signal });
  const { device, threads, versions } = trainer.description;
  return {
    benchmark: request.benchmark.name,
    prompts: { count: questions.prompts.length, sha256: questions.sha256 },
    images: { count: images.count, sha256: images.sha256 },
    ...(request.sample === undefined ? {} : { sample: request.sample }),
    model: {
      path,
      architecture: loaded.architecture,
      parameters: loaded.parameters,
      weightsSha256: loaded.weightsSha256,
      filesSha256: modelFilesSha256,
    },
    generation: { decoding: "greedy", maxNewTokens: request.maxNewTokens, batchSize: request.batchSize },
    // A map comes over gRPC in any order; equal runs shall have equal files.
    trainer: { device, threads, versions: Object.fromEntries(Object.entries(versions).sort()) },
  };
}

function refusal(path: string, difference: string): UserError {
  return new UserError(
    `${path}: holds answers given with other settings (${difference}): use those again, choose another --out or remove it`,
  );
}
