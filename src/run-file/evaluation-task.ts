import { join } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { ASKING, type Asking, type Benchmark, type Mode } from "../evaluation/benchmark.js";
import { readEvalResult, writeEvalResult } from "../evaluation/eval-result.js";
import { benchmarkNamed } from "../evaluation/registry.js";
import { imageFolder } from "../evaluation/run/images.js";
import type { ImageSample } from "../evaluation/run/questions.js";
import { prepareRun, runBenchmark } from "../evaluation/run/run-benchmark.js";
import { scenes as drawnScenes } from "../evaluation/scenes/scenes.js";
import { score } from "../evaluation/score.js";
import type { LoadedAs } from "./loaded-as.js";
import type { FieldPath } from "./position.js";
import type { NamedRunSettings } from "./read.js";

/** Hears how far a task is. */
export type Progress = (what: string, done: number, total: number) => void;

/** The model of a stage, to be scored. */
export interface StageModel {
  readonly stage: number;
  readonly path: string;
}

/** A benchmark that settings ask for. */
export interface AskedBenchmark extends Asking {
  readonly benchmark: Benchmark;
  readonly annotations: string;
  readonly images: string | undefined;
  readonly mode: Mode | undefined;
  /** Part of the images; undefined for all. */
  readonly sample: ImageSample | undefined;
  /** Where the settings ask for it: the field below `evaluation` that holds its fields, or, of scenes, the annotations. */
  readonly field: FieldPath;
}

/** The benchmarks that settings ask for; `scenes` is the short way to name drawn scenes, whose file is all they need. */
export function askedBenchmarks({ scenes, benchmarks }: NamedRunSettings["evaluation"]): AskedBenchmark[] {
  const listed = benchmarks.map((given, at): AskedBenchmark => {
    const { benchmark, annotations, images, mode, sample } = given;
    return {
      benchmark: benchmarkNamed(benchmark),
      ...{ annotations, images, mode },
      sample: sample === undefined ? undefined : { images: sample, seed: 0 },
      maxNewTokens: given.max_new_tokens,
      batchSize: given.batch_size,
      field: ["benchmarks", at],
    };
  });
  return scenes === undefined ? listed : [sceneBenchmark(scenes), ...listed];
}

/** Drawn scenes as settings ask for them, by their file. */
export function sceneBenchmark(annotations: string): AskedBenchmark {
  const none = { images: undefined, mode: undefined, sample: undefined };
  return { benchmark: drawnScenes, annotations, ...none, ...(drawnScenes.asking ?? ASKING), field: ["scenes"] };
}

/** One model to be scored on one benchmark. */
export interface EvaluationTask {
  readonly stage: number;
  /** Name of the benchmark. */
  readonly benchmark: string;
  /** File that is there once it is scored. */
  readonly result: string;
  /** Folders that the trainer reads beside the run's own. */
  readonly roots: readonly string[];
  /**
   * Lets the model answer, and scores it; interrupted, it goes on where its answers end.
   *
   * @param open - Gives the trainer, once everything else is found to be there.
   * @throws UserError when files are missing or wrong.
   */
  perform(open: () => Promise<Trainer>, progress: Progress, signal: AbortSignal): Promise<void>;
  /** What the result file says. */
  figures(): Promise<Record<string, number | null>>;
}

/** Folder of a run's results. */
export function evaluationFolder(directory: string): string {
  return join(directory, "evaluation");
}

/** Path of the result of a stage's model on a benchmark. */
export function resultPath(directory: string, benchmark: string, stage: number): string {
  return join(evaluationFolder(directory), `${benchmark}-stage-${stage}.json`);
}

/** Path of the answers of a stage's model: a file, or the folder of a benchmark with one per task. */
export function answersPath(directory: string, { name, answers }: Benchmark, stage: number): string {
  const ending = answers === "text-folder" ? "" : ".jsonl";
  return join(evaluationFolder(directory), `${name}-stage-${stage}-answers${ending}`);
}

/** A model's answers on a benchmark. */
export function benchmarkTask(
  asked: AskedBenchmark,
  { stage, path: model }: StageModel,
  directory: string,
  loadedAs?: LoadedAs,
): EvaluationTask {
  const { benchmark, annotations, images, mode } = asked;
  const out = answersPath(directory, benchmark, stage);
  const result = resultPath(directory, benchmark.name, stage);
  const loading = loadedAs === undefined ? {} : { loading: loadedAs.loading(model) };
  return {
    stage,
    benchmark: benchmark.name,
    result,
    roots: [imageFolder(benchmark, annotations, images, "images"), ...(loadedAs?.roots ?? [])],
    async perform(open, onProgress, signal) {
      const prepared = await prepareRun({ ...asked, model, out, ...loading }, onProgress);
      await runBenchmark(await open(), prepared, { onProgress, signal });
      await writeEvalResult(result, await score({ benchmark, annotations, answers: out, mode }));
    },
    figures: async () => (await readEvalResult(result)).metrics,
  };
}
