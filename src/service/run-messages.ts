import type { Evaluation, PhaseName, RunOutcome, SavedCheckpoint, SequencedEvent } from "../run/log/entries.js";
import type { RunDescription, RunStatus } from "../run/read-run.js";
import { plannedSteps } from "../run/plan.js";
import type { Checkpoint, Evaluation as EvaluationMessage, Run, RunEvent } from "../generated/scpo/v1/run.js";
import { RunEvent_Step, RunPhase, RunState } from "../generated/scpo/v1/run.js";
import { cut } from "./faults.js";
import { checkpointName, runName } from "./resource-names.js";
import type { RunRecord } from "./run-records.js";

/** Where a run stands in the service. */
export interface Standing {
  readonly status: RunStatus;
  readonly reason: string;
  readonly queuedBefore: number;
}

/** Bytes; lists of runs hold many. */
const mostOfReason = 2000;

/** A run as clients see it. */
export function runMessage(
  record: RunRecord,
  standing: Standing,
  description: RunDescription | undefined,
  withSettings: boolean,
): Run {
  const loss = description?.metrics?.loss;
  return {
    name: runName(record.runId),
    settings: withSettings ? record.settings : undefined,
    state: RunState[standing.status],
    reason: cut(standing.reason, mostOfReason),
    createTime: new Date(record.createTime),
    seconds: description?.seconds ?? 0,
    progress: {
      stage: description?.stage?.index ?? 0,
      stageName: description?.stage?.name ?? "",
      stages: description?.stages ?? 0,
      step: description?.step ?? 0,
      plannedSteps: description?.plannedSteps ?? 0,
      ...(loss === undefined ? {} : { loss }),
    },
    lastSequence: description?.lastSequence ?? 0,
    queuedBefore: standing.queuedBefore,
    phase: phases[description?.phase ?? "training"],
    evaluations: description?.evaluations.map(evaluationMessage) ?? [],
  };
}

const phases: Readonly<Record<PhaseName, RunPhase>> = {
  training: RunPhase.TRAINING,
  evaluation: RunPhase.EVALUATION,
  page: RunPhase.PAGE,
};

function evaluationMessage({ stage, benchmark, figures }: Evaluation): EvaluationMessage {
  const known = Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== null);
  return { stage, benchmark, figures: Object.fromEntries(known) };
}

/** A checkpoint as clients see it: without its place on the disk. */
export function checkpointMessage(run: string, saved: SavedCheckpoint): Checkpoint {
  const { name, stage, step, weightsSha256 } = saved;
  return { name: checkpointName(run, name), stage, step, weightsSha256 };
}

const endStates: Readonly<Record<RunOutcome, RunState>> = {
  completed: RunState.SUCCEEDED,
  stopped: RunState.STOPPED,
  cancelled: RunState.CANCELLED,
  paused: RunState.PAUSED,
};

/** An event as clients see it. */
export function eventMessage(run: string, { sequence, time, event }: SequencedEvent): RunEvent {
  return { sequence, time: new Date(time), event: eventOf(run, event) };
}

function eventOf(run: string, event: SequencedEvent["event"]): RunEvent["event"] {
  switch (event.type) {
    case "claimed":
      return { $case: "claimed", value: {} };
    case "started": {
      const { plan, trainableParameters, dtypes } = event;
      const { stored: storedDtype, weights: weightsDtype, autocast: autocastDtype } = dtypes;
      const stages = plan.stages.map((stage) => ({ name: stage.name, plannedSteps: plannedSteps(plan, stage) }));
      const started = { name: plan.name, stages, trainableParameters, storedDtype, weightsDtype, autocastDtype };
      return { $case: "started", value: started };
    }
    case "resumed":
      return { $case: "resumed", value: event };
    case "table":
      return { $case: "table", value: event };
    case "stage-opened":
      return { $case: "stageOpened", value: { ...event, plannedSteps: event.steps } };
    case "step":
      return { $case: "step", value: RunEvent_Step.fromPartial(event.report) };
    case "reference-moved":
      return { $case: "referenceMoved", value: event };
    case "checkpoint":
      return { $case: "checkpointSaved", value: { checkpoint: checkpointMessage(run, event) } };
    case "training-saved":
      return { $case: "trainingSaved", value: event };
    case "stage-closed":
      return { $case: "stageClosed", value: event };
    case "training-ended":
      return { $case: "trainingEnded", value: { ...event, state: endStates[event.outcome] } };
    case "phase-opened":
      return { $case: "phaseOpened", value: { phase: phases[event.phase] } };
    case "evaluation-started":
      return { $case: "evaluationStarted", value: event };
    case "evaluation-progress":
      return { $case: "evaluationProgress", value: event };
    case "evaluation-finished":
      return { $case: "evaluationFinished", value: { evaluation: evaluationMessage(event) } };
    case "page-written":
      return { $case: "pageWritten", value: {} };
    case "ended": {
      const state = endStates[event.outcome];
      return { $case: "ended", value: { state, reason: event.reason, steps: event.steps } };
    }
    case "failed":
      return { $case: "failed", value: event };
    case "checkpoint-damaged":
    case "file-damaged":
    case "trainer-exited":
    case "micro-batch-halved":
      return { $case: "trouble", value: { kind: event.type, reason: event.reason } };
  }
}
