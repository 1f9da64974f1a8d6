import { existsSync, readdirSync, realpathSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type FoldedLog, trainingEnd } from "../run/log/fold.js";
import type { Phase, PhaseContext, PhaseEnd } from "../run/phase.js";
import {
  askedBenchmarks,
  benchmarkTask,
  evaluationFolder,
  type EvaluationTask,
  type Progress,
  type StageModel,
} from "./evaluation-task.js";
import { loadedAs } from "./loaded-as.js";
import type { NamedRunSettings } from "./read.js";
import { makeFolder } from "../files/writable.js";

/** Watchers hear at most this often how far a task is. */
const progressMilliseconds = 1000;

/**
 * Scores the models of a run as its settings say, into the folder `evaluation` of the run, one model on one benchmark an
 * advance. What was scored before is not scored again.
 */
export class EvaluationPhase implements Phase {
  readonly name = "evaluation";
  readonly #directory: string;
  readonly #settings: NamedRunSettings;

  /** @param directory - The run's folder. */
  constructor(directory: string, settings: NamedRunSettings) {
    this.#directory = directory;
    this.#settings = settings;
  }

  async isOver(log: FoldedLog): Promise<boolean> {
    return (await this.#left(log)).length === 0;
  }

  /** What is still to be scored, by benchmark's name; everything before the training has ended. */
  async wanted(log: FoldedLog): Promise<ReadonlySet<string>> {
    if (trainingEnd(log) !== null) return new Set((await this.#left(log)).map(({ benchmark }) => benchmark));
    return new Set(askedBenchmarks(this.#settings.evaluation).map(({ benchmark }) => benchmark.name));
  }

  async advance(context: PhaseContext): Promise<PhaseEnd | null> {
    const [task] = await this.#left(await context.log());
    if (task === undefined) return { outcome: "completed", reason: "" };
    const { stage, benchmark } = task;
    if (!existsSync(task.result)) {
      await context.tell({ type: "evaluation-started", stage, benchmark });
      const folder = evaluationFolder(this.#directory);
      await makeFolder(folder);
      const roots = [this.#directory, ...task.roots, ...elsewhere(this.#directory)];
      const opening = { roots, logPath: join(folder, "trainer.log") };
      await task.perform(() => context.trainer(opening), this.#progress(task, context), context.stop.requested);
    }
    const figures = await task.figures();
    await context.tell({ type: "evaluation-finished", stage, benchmark, figures, path: task.result });
    return null;
  }

  async #left({ entries }: FoldedLog): Promise<EvaluationTask[]> {
    const asked = askedBenchmarks(this.#settings.evaluation);
    const how = loadedAs(this.#settings);
    const tasks = (await stageModels(this.#directory, this.#settings.evaluation.when)).flatMap((model) =>
      asked.map((benchmark) => benchmarkTask(benchmark, model, this.#directory, how)),
    );
    // A result whose line is missing was written just before a kill: it counts once the line is there.
    const told = (task: EvaluationTask) =>
      entries.some(
        (entry) =>
          entry.type === "evaluation-finished" && entry.stage === task.stage && entry.benchmark === task.benchmark,
      );
    return tasks.filter((task) => !existsSync(task.result) || !told(task));
  }

  #progress({ stage, benchmark }: EvaluationTask, { tell }: PhaseContext): Progress {
    let shown: { what: string; until: number } | undefined;
    return (what, done, total) => {
      const now = Date.now();
      if (shown?.what === what && now < shown.until && done < total) return;
      shown = { what, until: now + progressMilliseconds };
      // A disk that is full fails what is written for the record, too.
      tell({ type: "evaluation-progress", stage, benchmark, what, done, total }).catch(() => undefined);
    };
  }
}

/** Folders of models that the run's own has links to, since a training that dialled saved them. */
function elsewhere(directory: string): string[] {
  const models = join(directory, "checkpoints");
  const names = existsSync(models) ? readdirSync(models) : [];
  const folders = names.map((name) => join(models, name)).filter((path) => existsSync(path));
  return [
    ...new Set(folders.map((path) => realpathSync(path)).filter((path) => dirname(path) !== realpathSync(models))),
  ];
}

/** The models of a run's stages that are saved: all of them, or the last. */
async function stageModels(directory: string, when: NamedRunSettings["evaluation"]["when"]): Promise<StageModel[]> {
  const folder = join(directory, "checkpoints");
  const names = await readdir(folder).catch(() => []);
  const stages = names.flatMap((name) => /^stage-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const models = stages.sort((a, b) => a - b).map((stage) => ({ stage, path: join(folder, `stage-${stage}`) }));
  return when === "end" ? models.slice(-1) : models;
}
