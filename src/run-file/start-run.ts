import { rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Caller } from "../backend/dialled/caller.js";
import { Door } from "../backend/dialled/door.js";
import type { TrainingOffer } from "../generated/scpo/v1/director.js";
import type { RunDefinition } from "../run/definition.js";
import { execute } from "../run/execute.js";
import type { RunHandle } from "../run/handle.js";
import { trainingEnd } from "../run/log/fold.js";
import { readFolded } from "../run/log/read.js";
import { plannedSteps } from "../run/plan.js";
import type { RunPolicies } from "../run/policies.js";
import { runPaths } from "../run/run-files.js";
import { openHandle } from "../run/handle.js";
import { EvaluationPhase } from "./evaluation.js";
import { type FindEvaluationProblems, requireEvaluation } from "./evaluation-problems.js";
import { readOffer, withOffer, writeOffer } from "./offered.js";
import { hubLine } from "./model-problems.js";
import { planRun, type PlannedRun } from "./plan-run.js";
import { requirePrecision } from "./precision-problems.js";
import { checkRunSettings, type Listen, readRunFile, type ReadSettings } from "./read.js";
import { PagePhase } from "./run-page.js";
import type { DirectedRunSettings, RunSettings } from "./schema.js";
import {
  createRunFolder,
  readRunFolder,
  refuseUnlessEmpty,
  requireRun,
  RUNS_FOLDER,
  SETTINGS_FILE,
} from "./settings-folder.js";
import { settingsText } from "./settings-text.js";
import { requireTraining } from "./training-problems.js";

/** How a run is resumed. */
export interface ResumeRunOptions {
  /** Policies that are functions of the caller's; they decide beside what the settings say, and win. */
  readonly policies?: RunPolicies;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
  /** Told who dials where the backend is `dialled`, and who is refused and why. */
  readonly log?: (line: string) => void;
  /** How the files that the evaluation needs are looked at. @default here and now */
  readonly findEvaluationProblems?: FindEvaluationProblems;
}

/** How a run is started beside its settings. */
export interface StartRunOptions extends ResumeRunOptions {
  /** Directs a training that somebody else starts and that dials here, in place of the settings' backend. */
  readonly listen?: Listen;
  /** Folder of runs; the run's own folder is made in it. @default "runs" in the working directory */
  readonly runs?: string;
  /** Name of the run, in place of the settings' own. */
  readonly id?: string;
  /** A folder that the caller made for the run, and the one file in it, in place of a new folder in `runs`. */
  readonly claim?: { readonly directory: string; readonly file: string };
}

/** How a training is directed that somebody else starts. */
export type DirectRunOptions = StartRunOptions & Required<Pick<StartRunOptions, "listen">>;

/** A run that is planned and not begun. */
export interface PreparedRun extends PlannedRun {
  /** Absolute path of the folder that the run will have. */
  readonly directory: string;
  /** What was taken by default, inherited and changed, in lines for people. */
  readonly text: string;
  /** What the training brought along that dialled. */
  readonly offer?: TrainingOffer;
  /** Where it waits; `startPrepared` takes it over. */
  readonly door?: Door;
}

/**
 * Reads settings and pairs and plans a run; nothing is written.
 *
 * @param settings - The content of a `run.yaml`, or its path.
 * @throws SettingsError with every mistake, what the evaluation misses included; UserError when the pairs do not fit;
 *   RunExistsError when there is such a run.
 */
export async function prepareRun(settings: DirectedRunSettings, options: DirectRunOptions): Promise<PreparedRun>;
export async function prepareRun(settings: RunSettings | string, options?: StartRunOptions): Promise<PreparedRun>;
export async function prepareRun(
  settings: DirectedRunSettings | string,
  options: StartRunOptions = {},
): Promise<PreparedRun> {
  const { runs = RUNS_FOLDER, id, claim, listen, log, signal } = options;
  const over = { ...(id === undefined ? {} : { id }), ...(listen === undefined ? {} : { listen }) };
  const read = typeof settings === "string" ? await readRunFile(settings, over) : checkRunSettings(settings, over);
  const directory = claim?.directory ?? resolve(join(runs, read.settings.id));
  await refuseUnlessEmpty(directory, read.settings.id, claim?.file);
  const { backend } = read.settings;
  if (backend.kind !== "dialled") return prepared(read, directory, options);
  const door = await Door.open(backend, log);
  try {
    log?.(`waits for a training to dial ${door.address}`);
    const { offer } = (await door.look(signal)) as Caller;
    return { ...(await prepared(read, directory, options, offer)), door };
  } catch (error) {
    await door.close((error as Error).message);
    throw error;
  }
}

/**
 * Starts a run: training, then evaluation and page as the settings say.
 *
 * @param settings - The content of a `run.yaml`, or its path.
 * @returns A handle, once the run's folder is made and the run under way.
 * @throws SettingsError with every mistake; UserError when the pairs do not fit; RunExistsError when there is such a run.
 */
export async function startRun(settings: DirectedRunSettings, options: DirectRunOptions): Promise<RunHandle>;
export async function startRun(settings: RunSettings | string, options?: StartRunOptions): Promise<RunHandle>;
export async function startRun(
  settings: DirectedRunSettings | string,
  options: StartRunOptions = {},
): Promise<RunHandle> {
  return startPrepared(await prepareRun(settings as RunSettings | string, options), options);
}

/** Starts a run that was prepared. */
export async function startPrepared(run: PreparedRun, options: StartRunOptions = {}): Promise<RunHandle> {
  try {
    await createRunFolder(run.directory, run.resolved, options.claim?.file);
  } catch (error) {
    await run.door?.close((error as Error).message);
    throw error;
  }
  try {
    if (run.offer !== undefined) await writeOffer(run.directory, run.offer);
    return await begin(run, options, false);
  } catch (error) {
    await run.door?.close((error as Error).message);
    // What never began shall not refuse the next run of its name.
    await rm(join(run.directory, SETTINGS_FILE), { force: true });
    if (options.claim === undefined) await rmdir(run.directory).catch(() => undefined);
    throw error;
  }
}

/**
 * Goes on with a run that was interrupted, paused or failed, from its last checkpoint; of one that ended, only what is
 * missing of evaluation and page is made.
 *
 * @param directory - The run's folder.
 * @throws RunNotFoundError when there is no run; UserError when its data have changed.
 */
export async function resumeRun(directory: string, options: ResumeRunOptions = {}): Promise<RunHandle> {
  return resumePrepared(await prepareResumption(directory, options), options);
}

/**
 * Plans a run of a folder again, without resuming it.
 *
 * @throws RunNotFoundError when there is no run; UserError when its data have changed.
 */
export async function prepareResumption(directory: string, options: ResumeRunOptions = {}): Promise<PreparedRun> {
  const absolute = requireRun(directory);
  return prepared(await readRunFolder(absolute), absolute, options, await readOffer(absolute));
}

/** Goes on with a run that was prepared. */
export function resumePrepared(run: PreparedRun, options: ResumeRunOptions = {}): Promise<RunHandle> {
  return begin(run, options, true);
}

/**
 * Opens a run of this or of another process, living or ended, to look at it, to cancel or to pause it.
 *
 * @param directory - The run's folder.
 * @throws RunNotFoundError when there is no run.
 */
export function openRun(directory: string): Promise<RunHandle> {
  return Promise.resolve(openHandle(requireRun(directory)));
}

async function prepared(
  read: ReadSettings,
  directory: string,
  { findEvaluationProblems }: ResumeRunOptions,
  offer?: TrainingOffer,
): Promise<PreparedRun> {
  await requireTraining(read);
  await requirePrecision(read);
  await requireEvaluation(read, directory, findEvaluationProblems);
  const settings = offer === undefined ? read.settings : withOffer(read, offer);
  const planned = await planRun(settings, directory, offer);
  const steps = planned.plan.stages.map((stage) => plannedSteps(planned.plan, stage));
  const text = settingsText(
    { ...read, settings },
    planned.stages.map((stage, at) => ({ ...stage, steps: steps[at] ?? 0 })),
  );
  const lines = [hubLine(settings), text].filter((line) => line !== undefined);
  return { ...planned, directory, text: lines.join("\n  "), ...(offer === undefined ? {} : { offer }) };
}

/** Where the training of a resumed run dials again; undefined where none is to come. */
async function doorAgain(
  { resolved: { backend }, directory }: PreparedRun,
  { log }: ResumeRunOptions,
): Promise<Door | undefined> {
  // Evaluation and page want no training: nobody has to start one for them.
  if (backend.kind !== "dialled" || trainingEnd(await readFolded(runPaths(directory).log)) !== null) return undefined;
  const door = await Door.open(backend, log);
  log?.(`waits for the training to dial ${door.address}`);
  return door;
}

async function begin(run: PreparedRun, options: ResumeRunOptions, resume: boolean): Promise<RunHandle> {
  const { resolved: settings, plan, directory } = run;
  const definition: RunDefinition = {
    id: settings.id,
    directory,
    plan,
    policies: { ...run.policies, ...options.policies },
    functions: Object.entries(options.policies ?? {}).flatMap(([name, own]) => (own === undefined ? [] : [name])),
    backend: settings.backend,
    checkpoints: { everySteps: settings.checkpoints.every_steps, keep: settings.checkpoints.keep },
    restarts: {
      limit: settings.restarts.limit,
      firstDelaySeconds: settings.restarts.first_delay_seconds,
      silenceMinutes: settings.restarts.silence_minutes,
    },
  };
  const evaluation = new EvaluationPhase(directory, settings);
  const door = run.door ?? (resume ? await doorAgain(run, options) : undefined);
  const closed = () => door?.close("the run is over; `scpo status` there says how it ended");
  const handle = await execute(definition, {
    resume,
    phases: settings.reporting.page ? [evaluation, new PagePhase(directory, settings, run.difficulties)] : [evaluation],
    telemetry: settings.reporting.telemetry,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(door === undefined ? {} : { door }),
  }).catch(async (error: unknown) => {
    await closed();
    throw error;
  });
  if (door !== undefined) handle.result().then(closed, closed);
  return handle;
}
