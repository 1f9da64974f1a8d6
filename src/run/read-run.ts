import { basename, join } from "node:path";
import { UserError } from "../errors.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import type { TelemetryTotals } from "../telemetry/receiver.js";
import type { Evaluation, Landmark, PhaseName, RunOutcome, SavedCheckpoint } from "./log/entries.js";
import { entryOf, type FoldedLog, trainingEnd } from "./log/fold.js";
import { readEnd, readEntries, readFolded } from "./log/read.js";
import { isHeld } from "./hold.js";
import { plannedSteps } from "./plan.js";
import { RunFailedError } from "./failures.js";
import type { RunPaths } from "./run-files.js";
import { runPaths } from "./run-files.js";

/** What became of a stage. */
export interface StageSummary {
  name: string;
  plannedSteps: number;
  steps: number;
  /** Fed to the trainer but not trained on. */
  unusedPairs: number[];
  /** The checkpoint `stage-<k>` of the stage's end; null when the stage was cut off. */
  checkpoint: SavedCheckpoint | null;
  /** Seconds spent on the table of reference log-probabilities. */
  tableSeconds: number;
}

/** What became of a run. */
export interface RunSummary {
  outcome: RunOutcome;
  /** Why the run ended. */
  reason: string;
  steps: number;
  /** Wall-clock seconds during which a director held the run, earlier lives of it included. */
  seconds: number;
  /** Hash of the weights from which the run started; empty when it ended before they were loaded. */
  initialWeightsSha256: string;
  /** Stages that were opened, in order. */
  stages: StageSummary[];
  /** Every model that was saved, in order. */
  checkpoints: SavedCheckpoint[];
  /** Moves of the reference within stages. */
  referenceMoves: { step: number; alpha: number; reason: string }[];
  /** What its models scored, in order. */
  evaluations: Evaluation[];
  /** Of the last trainer; null when telemetry was off. */
  telemetry: TelemetryTotals | null;
}

/**
 * Where a run stands. It is derived from the run's folder: QUEUED has not begun; RUNNING has a living director;
 * INTERRUPTED has none and no end in its log, as after a crash: it can be resumed.
 */
export type RunStatus =
  "QUEUED" | "RUNNING" | "PAUSED" | "CANCELLED" | "SUCCEEDED" | "STOPPED" | "FAILED" | "INTERRUPTED";

/** What is known of a run now. */
export interface RunDescription {
  readonly id: string;
  readonly directory: string;
  readonly status: RunStatus;
  /** Why it ended as it did; empty while it has not. */
  readonly reason: string;
  /** The part of its life that it is in, or was in last. */
  readonly phase: PhaseName;
  /** The stage that is open, or was opened last; null before the first. */
  readonly stage: { readonly index: number; readonly name: string } | null;
  /** Stages of the plan; 0 before it has begun. */
  readonly stages: number;
  /** Optimiser steps done. */
  readonly step: number;
  /** Optimiser steps of the plan. */
  readonly plannedSteps: number;
  /** The last step's report; null before the first. */
  readonly metrics: StepReport | null;
  /** Models that were saved, in order. */
  readonly checkpoints: readonly SavedCheckpoint[];
  /** What its models scored, in order. */
  readonly evaluations: readonly Evaluation[];
  /** Optimiser step from which the run would be resumed; 0: from its beginning. */
  readonly resumableStep: number;
  /** Wall-clock seconds during which a director held the run. */
  readonly seconds: number;
  /** Sequence number of the last event; 0 before the first. */
  readonly lastSequence: number;
}

type Of<Type extends Landmark["type"]> = Extract<Landmark, { type: Type }>;

/** How the run ended, once its log says so. */
export async function runEnd(directory: string): Promise<Of<"ended" | "failed"> | null> {
  return endOf(await readFolded(runPaths(directory).log));
}

/**
 * What became of a run that has ended; it is derived from the run's folder.
 *
 * @throws RunFailedError when it failed; UserError when it has not ended.
 */
export async function readSummary(directory: string): Promise<RunSummary> {
  const paths = runPaths(directory);
  const log = await readFolded(paths.log);
  const end = endOf(log);
  if (end === null) throw new UserError(`run: ${directory} has not ended: resume it`);
  if (end.type === "failed") throw new RunFailedError(directory, end.reason, new UserError(end.reason));
  const referenceMoves: RunSummary["referenceMoves"] = [];
  for await (const entry of readEntries(paths.log, log)) {
    if (entry.type !== "reference-moved") continue;
    const { step, alpha, reason } = entry;
    referenceMoves.push({ step, alpha, reason });
  }
  return {
    outcome: end.outcome,
    reason: end.reason,
    steps: end.steps,
    seconds: ((await readEnd(paths.log)).last?.held ?? 0) / 1000,
    initialWeightsSha256: entryOf(log, "started")?.weightsSha256 ?? "",
    stages: stagesOf(log, paths),
    checkpoints: checkpointsOf(log, paths),
    referenceMoves,
    evaluations: evaluationsOf(log),
    telemetry: end.telemetry ?? trainingEnd(log)?.telemetry ?? null,
  };
}

/** What is known of a run now; it is derived from the run's folder. */
export async function describeRun(directory: string): Promise<RunDescription> {
  const paths = runPaths(directory);
  // Asked first: a run that ends meanwhile is not taken for one that was interrupted.
  const owned = await isHeld(paths.hold);
  const log = await readFolded(paths.log);
  const { last, report, step } = await readEnd(paths.log);
  const end = endOf(log);
  const plan = entryOf(log, "started")?.plan;
  const opened = log.entries.findLast((entry) => entry.type === "stage-opened");
  return {
    id: basename(directory),
    directory,
    status: statusOf(end, { begun: plan !== undefined, owned }),
    reason: end?.reason ?? "",
    phase: phaseOf(log),
    stage: opened === undefined ? null : { index: opened.stage, name: opened.name },
    stages: plan?.stages.length ?? 0,
    step,
    plannedSteps: plan?.stages.reduce((sum, stage) => sum + plannedSteps(plan, stage), 0) ?? 0,
    metrics: report,
    checkpoints: checkpointsOf(log, paths),
    evaluations: evaluationsOf(log),
    resumableStep: log.saved.at(-1)?.step ?? 0,
    seconds: (last?.held ?? 0) / 1000,
    lastSequence: last?.sequence ?? 0,
  };
}

function endOf({ entries }: FoldedLog): Of<"ended" | "failed"> | null {
  const last = entries.at(-1);
  return last?.type === "ended" || last?.type === "failed" ? last : null;
}

function statusOf(end: Of<"ended" | "failed"> | null, { begun, owned }: { begun: boolean; owned: boolean }): RunStatus {
  if (end?.type === "failed") return "FAILED";
  if (end !== null) {
    return ({ completed: "SUCCEEDED", stopped: "STOPPED", cancelled: "CANCELLED", paused: "PAUSED" } as const)[
      end.outcome
    ];
  }
  if (owned) return "RUNNING";
  return begun ? "INTERRUPTED" : "QUEUED";
}

function phaseOf(log: FoldedLog): PhaseName {
  if (trainingEnd(log) === null) return "training";
  return log.entries.findLast((entry) => entry.type === "phase-opened")?.phase ?? "training";
}

/** The last of each model and benchmark: what was scored again replaces what was scored before. */
function evaluationsOf({ entries }: FoldedLog): Evaluation[] {
  const found = new Map<string, Evaluation>();
  for (const entry of entries) {
    if (entry.type !== "evaluation-finished") continue;
    const { stage, benchmark, figures } = entry;
    found.set(`${benchmark} ${stage}`, { stage, benchmark, figures });
  }
  return [...found.values()];
}

function checkpointsOf({ entries }: FoldedLog, paths: RunPaths): SavedCheckpoint[] {
  return entries.flatMap((entry) => (entry.type === "checkpoint" ? [savedAt(entry, paths)] : []));
}

function savedAt(entry: Of<"checkpoint">, paths: RunPaths): SavedCheckpoint {
  const { name, stage, step, weightsSha256 } = entry;
  return { name, stage, step, path: join(paths.checkpoints, name), weightsSha256 };
}

function stagesOf({ entries }: FoldedLog, paths: RunPaths): StageSummary[] {
  const stages: StageSummary[] = [];
  for (const entry of entries) {
    if (entry.type === "stage-opened") {
      const { name, steps: planned, tableSeconds } = entry;
      stages.push({ name, plannedSteps: planned, steps: 0, unusedPairs: [], checkpoint: null, tableSeconds });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) continue;
    if (entry.type === "checkpoint" && entry.name === `stage-${entry.stage}`) stage.checkpoint = savedAt(entry, paths);
    if (entry.type === "stage-closed") Object.assign(stage, { steps: entry.steps, unusedPairs: entry.unusedPairs });
  }
  return stages;
}
