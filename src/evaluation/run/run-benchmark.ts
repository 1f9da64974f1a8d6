import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Trainer } from "../../backend/trainer.js";
import { UserError } from "../../errors.js";
import type { Benchmark } from "../benchmark.js";
import { askMissing } from "./ask.js";
import { findImages, type Images, imageFolder } from "./images.js";
import { hashModelFiles } from "./model-files.js";
import { PartialAnswers, partialPath } from "./partial-answers.js";
import { type ImageSample, type Questions, readQuestions, withoutImages } from "./questions.js";
import { readSettings, type RunSettings, settingsDifference, settingsPath, writeSettings } from "./settings.js";
import { writeAnswers } from "./write-answers.js";
import { makeFolder } from "../../files/writable.js";

/** What is to be answered. */
export interface QuestionRequest {
  benchmark: Benchmark;
  /** Folder of the benchmark's annotations. */
  annotations: string;
  /** Folder of its images; undefined where the annotations hold them. */
  images?: string | undefined;
  /** Answer file; for a benchmark whose answers are a folder of text files, the folder. */
  out: string;
  /** Longest answer, in tokens. */
  maxNewTokens: number;
  /** Part of the images to ask about; all when absent. */
  sample?: ImageSample | undefined;
  /** File that lists the images to ask about. */
  imageList?: string | undefined;
  /** Options of the benchmark's own. */
  options?: Readonly<Record<string, string>>;
  /** Put behind every question as it is. */
  promptSuffix?: string | undefined;
  /** Leave questions about images out that cannot be decoded; they are an error otherwise. */
  skipDamaged?: boolean;
}

/** What is to be answered by a model of this machine. */
export interface RunRequest extends QuestionRequest {
  /** Folder of the model. */
  model: string;
  /** Questions a batch. */
  batchSize: number;
  /** How the model is loaded; left out: as its folder says. */
  loading?: ModelLoading;
}

/** How a trainer loads a model. */
export interface ModelLoading {
  /** Whether code that lies with the model is run. */
  readonly trustRemoteCode: boolean;
  /** Settings as JSON, under the names of TRL's `ModelConfig`. */
  readonly settings: string;
}

/** Hears how far a run is. */
export type RunProgress = (phase: "images" | "answers", done: number, total: number) => void;

/** Questions and images that were found. */
export interface PreparedQuestions {
  request: QuestionRequest;
  questions: Questions;
  images: Images;
}

/** A request whose questions, images and model were found. */
export interface PreparedRun extends PreparedQuestions {
  request: RunRequest;
  modelFilesSha256: string;
}

/** How a run ended. */
export interface RunOutcome<How extends Answering = Answering> {
  out: string;
  settings: RunSettings & How;
  /** Answers that an earlier, interrupted run had left. */
  resumed: number;
  /** Whether the answer file was complete before. */
  found: boolean;
  /** Answers of this run that end where no more tokens were allowed, where that is known. */
  cut?: number;
  /** Names under which an endpoint says that its model answered, in this run. */
  reported?: readonly string[];
}

/**
 * Finds everything that a run needs, before a trainer is started.
 *
 * @throws UserError when questions, images or model are missing or wrong.
 */
export async function prepareRun(request: RunRequest, onProgress?: RunProgress): Promise<PreparedRun> {
  const modelFilesSha256 = await hashModelFiles(request.model);
  const prepared = await prepareQuestions(request, onProgress);
  return { ...prepared, request: { ...request, out: prepared.request.out }, modelFilesSha256 };
}

/**
 * Finds questions and images.
 *
 * @throws UserError when some are missing or wrong.
 */
export async function prepareQuestions(request: QuestionRequest, onProgress?: RunProgress): Promise<PreparedQuestions> {
  const out = resolve(request.out);
  const { benchmark, annotations, sample, imageList, options } = request;
  const all = await readQuestions(benchmark, annotations, sample, { imageList, options });
  const folder = imageFolder(benchmark, annotations, request.images, "--images");
  const images = await findImages(
    benchmark,
    all.prompts,
    { annotations, folder },
    {
      ...(request.skipDamaged === undefined ? {} : { skipDamaged: request.skipDamaged }),
      onProgress: (done, total) => onProgress?.("images", done, total),
    },
  );
  if (existsSync(out) && !existsSync(settingsPath(out))) {
    throw new UserError(
      `${request.out}: exists, and no ${settingsPath(request.out)} says how it came about: choose another --out or remove it`,
    );
  }
  await makeFolder(dirname(out));
  return { request: { ...request, out }, questions: withoutImages(all, images.damaged), images };
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
): Promise<RunOutcome<LocalAnswering>> {
  const { request, questions, images } = prepared;
  const { maxNewTokens, batchSize, promptSuffix = "" } = request;
  const how = await loadModel(trainer, prepared, options.signal);
  return answerQuestions(prepared, how, (partial) =>
    askMissing(trainer.client, partial, {
      prompts: questions.prompts.map((prompt) => ({ ...prompt, text: prompt.text + promptSuffix })),
      images,
      maxNewTokens,
      batchSize,
      onProgress: (done, total) => options.onProgress?.("answers", done, total),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }),
  );
}

/** Who answers, and how, for the settings. */
export type Answering = Pick<RunSettings, "model" | "generation" | "trainer">;

/** A model of this machine that answers. */
export interface LocalAnswering extends Answering {
  model: Extract<Answering["model"], { weightsSha256: string }>;
}

/**
 * Has the questions asked that have no answer yet, and writes the answer file.
 *
 * @param prepared - Questions and images.
 * @param how - Who answers.
 * @param ask - Asks what is missing and adds the answers.
 * @throws UserError when answers lie there that were given with other settings.
 */
export async function answerQuestions<How extends Answering>(
  prepared: PreparedQuestions,
  how: How,
  ask: (partial: PartialAnswers) => Promise<void>,
): Promise<RunOutcome<How>> {
  const { request, questions } = prepared;
  const { out, benchmark } = request;
  const settings = { ...settingsOf(prepared), ...how };
  const earlier = await readSettings(settingsPath(out));
  const difference = earlier === undefined ? undefined : settingsDifference(earlier, settings);
  const found = existsSync(out);
  if (found && difference !== undefined) throw refusal(out, difference);
  if (found) {
    await rm(partialPath(out), { force: true });
    return { out, settings, resumed: 0, found };
  }
  const left = await stat(partialPath(out)).catch(() => undefined);
  // The settings are written before the first answer.
  if (earlier === undefined && left !== undefined && left.size > 0) {
    throw refusal(partialPath(out), `${settingsPath(out)} is missing`);
  }
  const partial = await PartialAnswers.open(partialPath(out), questions.prompts.length);
  const resumed = partial.size;
  try {
    if (resumed > 0 && difference !== undefined) throw refusal(partialPath(out), difference);
    await writeSettings(settingsPath(out), settings);
    await ask(partial);
  } finally {
    await partial.close();
  }
  const rows = questions.prompts.map((prompt, at) => benchmark.answerRow?.(prompt, partial.get(at) as string));
  await writeAnswers(out, benchmark.answers, rows);
  await rm(partialPath(out), { force: true });
  return { out, settings, resumed, found };
}

/** What is asked, for the settings. */
function settingsOf({ request, questions, images }: PreparedQuestions): Omit<RunSettings, keyof Answering> {
  const { benchmark, sample, options = {}, promptSuffix } = request;
  return {
    benchmark: benchmark.name,
    prompts: { count: questions.prompts.length, sha256: questions.sha256 },
    images: { count: images.count, sha256: images.sha256 },
    ...(sample === undefined ? {} : { sample }),
    ...(questions.imageList === undefined ? {} : { imageList: questions.imageList }),
    ...(Object.keys(options).length === 0 ? {} : { options: { ...options } }),
    ...(promptSuffix === undefined || promptSuffix === "" ? {} : { promptSuffix }),
    ...(images.damaged.size === 0 ? {} : { skippedImages: [...images.damaged].sort() }),
  };
}

async function loadModel(
  trainer: Trainer,
  { request, modelFilesSha256 }: PreparedRun,
  signal: AbortSignal | undefined,
): Promise<LocalAnswering> {
  const path = resolve(request.model);
  const loaded = await trainer.client.loadModel({ ...request.loading, path }, signal === undefined ? {} : { signal });
  const { device, threads, versions } = trainer.description;
  return {
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
