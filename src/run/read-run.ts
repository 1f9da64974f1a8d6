import { basename, join } from "node:path";
import { UserError } from "../errors.js";
import { followEvents, readEnd } from "./event-log.js";
import type { RunDescription, RunStatus } from "./handle.js";
import type { FoldedJournal, JournalEntry } from "./journal.js";
import { foldJournal, readJournalLines, trainingEnd } from "./journal.js";
import { isOwned } from "./owner.js";
import type { Evaluation, PhaseName } from "./events.js";
import { plannedSteps } from "./plan.js";
import { RunFailedError } from "./run-failed.js";
import type { RunPaths } from "./run-files.js";
import { runPaths } from "./run-files.js";
import type { RunSummary, SavedCheckpoint, StageSummary } from "./summary.js";

type Ended = Extract<JournalEntry, { type: "ended" }>;
type Failed = Extract<JournalEntry, { type: "failed" }>;

/** What the events of a run say that the journal, which knows no clock, does not. */
interface Told {
  readonly tableSeconds: ReadonlyMap<number, number>;
  readonly telemetry: RunSummary["telemetry"];
}

/** How the run ended, once its journal says so. */
export async function runEnd(directory: string): Promise<Ended | Failed | null> {
  return endOf(await readFolded(runPaths(directory)));
}

/**
 * What became of a run that has ended; it is derived from the run's folder.
 *
 * @throws RunFailedError when it failed; UserError when it has not ended.
 */
export async function readSummary(directory: string): Promise<RunSummary> {
  const paths = runPaths(directory);
  const journal = await readFolded(paths);
  const end = endOf(journal);
  if (end === null) throw new UserError(`run: ${directory} has not ended: resume it`);
  if (end.type === "failed") throw new RunFailedError(directory, end.reason, new UserError(end.reason));
  const told = await readTold(paths);
  return {
    outcome: end.outcome,
    reason: end.reason,
    steps: end.steps,
    seconds: (await readEnd(paths.events)).end.held / 1000,
    initialWeightsSha256: planOf(journal)?.weightsSha256 ?? "",
    stages: stagesOf(journal, paths, told),
    checkpoints: checkpointsOf(journal, paths),
    referenceMoves: journal.entries.flatMap((entry) =>
      entry.type === "decision" && entry.moveReferenceAlpha !== null
        ? [{ step: entry.step, alpha: entry.moveReferenceAlpha, reason: entry.reason }]
        : [],
    ),
    evaluations: evaluationsOf(journal),
    telemetry: told.telemetry,
  };
}

/** What is known of a run now; it is derived from the run's folder. */
export async function describeRun(directory: string): Promise<RunDescription> {
  const paths = runPaths(directory);
  // Asked first: a run that ends meanwhile is not taken for one that was interrupted.
  const owned = await isOwned(paths.owner);
  const journal = await readFolded(paths);
  const log = await readEnd(paths.events);
  const end = endOf(journal);
  const plan = planOf(journal)?.plan;
  const opened = journal.entries.findLast((entry) => entry.type === "stage-opened");
  const decided = journal.entries.findLast((entry) => entry.type === "decision");
  return {
    id: basename(directory),
    directory,
    status: statusOf(journal, end, owned),
    reason: end?.reason ?? "",
    phase: phaseOf(journal),
    stage: opened === undefined ? null : { index: opened.stage, name: opened.name },
    stages: plan?.stages.length ?? 0,
    step: decided?.step ?? 0,
    plannedSteps: plan?.stages.reduce((sum, stage) => sum + plannedSteps(plan, stage), 0) ?? 0,
    metrics: log.metrics,
    checkpoints: checkpointsOf(journal, paths),
    evaluations: evaluationsOf(journal),
    resumableStep: journal.saved.at(-1)?.step ?? 0,
    seconds: log.end.held / 1000,
    lastSequence: log.end.sequence,
  };
}

/** What happened in a run, by its journal. */
export async function readFolded(paths: RunPaths): Promise<FoldedJournal> {
  return foldJournal((await readJournalLines(paths.journal)).lines);
}

function endOf({ entries }: FoldedJournal): Ended | Failed | null {
  const last = entries.at(-1);
  return last?.type === "ended" || last?.type === "failed" ? last : null;
}

function planOf({ entries }: FoldedJournal): Extract<JournalEntry, { type: "plan" }> | undefined {
  return entries.find((entry) => entry.type === "plan");
}

function statusOf({ entries }: FoldedJournal, end: Ended | Failed | null, owned: boolean): RunStatus {
  if (end?.type === "failed") return "FAILED";
  if (end !== null) {
    return ({ completed: "SUCCEEDED", stopped: "STOPPED", cancelled: "CANCELLED", paused: "PAUSED" } as const)[
      end.outcome
    ];
  }
  if (owned) return "RUNNING";
  return entries.length === 0 ? "QUEUED" : "INTERRUPTED";
}

function phaseOf(journal: FoldedJournal): PhaseName {
  if (trainingEnd(journal) === null) return "training";
  return journal.entries.findLast((entry) => entry.type === "phase-opened")?.phase ?? "training";
}

/** The last of each model and benchmark: what was scored again replaces what was scored before. */
function evaluationsOf({ entries }: FoldedJournal): Evaluation[] {
  const found = new Map<string, Evaluation>();
  for (const entry of entries) {
    if (entry.type !== "evaluated") continue;
    const { stage, benchmark, figures } = entry;
    found.set(`${benchmark} ${stage}`, { stage, benchmark, figures });
  }
  return [...found.values()];
}

function checkpointsOf({ entries }: FoldedJournal, paths: RunPaths): SavedCheckpoint[] {
  return entries.flatMap((entry) => (entry.type === "checkpoint" ? [savedAt(entry, paths)] : []));
}

function savedAt(entry: Extract<JournalEntry, { type: "checkpoint" }>, paths: RunPaths): SavedCheckpoint {
  const { name, stage, step, weightsSha256 } = entry;
  return { name, stage, step, path: join(paths.checkpoints, name), weightsSha256 };
}

function stagesOf({ entries }: FoldedJournal, paths: RunPaths, told: Told): StageSummary[] {
  const stages: StageSummary[] = [];
  for (const entry of entries) {
    if (entry.type === "stage-opened") {
      const tableSeconds = told.tableSeconds.get(entry.stage) ?? 0;
      stages.push({
        name: entry.name,
        plannedSteps: entry.steps,
        steps: 0,
        unusedPairs: [],
        checkpoint: null,
        tableSeconds,
      });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) continue;
    if (entry.type === "checkpoint" && entry.name === `stage-${entry.stage}`) stage.checkpoint = savedAt(entry, paths);
    if (entry.type === "stage-closed") Object.assign(stage, { steps: entry.steps, unusedPairs: entry.unusedPairs });
  }
  return stages;
}

async function readTold(paths: RunPaths): Promise<Told> {
  let telemetry: RunSummary["telemetry"] = null;
  const tableSeconds = new Map<number, number>();
  for await (const { event } of followEvents(paths.events, { ended: () => true })) {
    if (event.type === "stage-opened") tableSeconds.set(event.stage, event.tableSeconds);
    if (event.type === "training-ended" || event.type === "ended") telemetry = event.telemetry ?? telemetry;
  }
  return { tableSeconds, telemetry };
}
