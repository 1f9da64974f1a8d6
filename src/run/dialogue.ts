import type {
  CheckpointSaved,
  Decision,
  StageClosed,
  StageOpened,
  StepReport,
  TrainResponse,
  TrainingEnded,
} from "../generated/scpo/v1/trainer.js";
import type { Cancellation } from "./cancellation.js";
import { decide } from "./decide.js";
import type { RunEvent, RunOutcome } from "./events.js";
import { stepMetrics } from "./metrics.js";
import type { Outbox } from "./outbox.js";
import type { RunPlan, StagePlan } from "./plan.js";
import { effectiveBatch, plannedSteps } from "./plan.js";
import type { RunPolicies, RunState } from "./policies.js";
import { keepsReferenceWeights } from "./policies.js";
import { openStage } from "./requests.js";
import type { RunFiles } from "./run-files.js";
import { StageHistory } from "./stage-history.js";
import type { RunSummary, SavedCheckpoint } from "./summary.js";
import type { Feed, StageFeed } from "./window.js";
import { ChosenPairs, PairWindow } from "./window.js";

/** What a dialogue works with. */
export interface DialogueParts {
  readonly plan: RunPlan;
  readonly policies: RunPolicies;
  readonly files: RunFiles;
  readonly outbox: Outbox;
  readonly cancellation: Cancellation;
  readonly emit: (event: RunEvent) => void;
}

/** What the dialogue itself knows of the run. */
export type Progress = Pick<RunSummary, "outcome" | "reason" | "steps" | "stages" | "checkpoints" | "referenceMoves">;

type Response = NonNullable<TrainResponse["response"]>;

/** The stage that is open. */
interface OpenStageState {
  readonly index: number;
  readonly plan: StagePlan;
  readonly steps: number;
  readonly feed: StageFeed;
  /** Rows that the stage may draw, each once. */
  readonly drawable: readonly number[];
}

/** Answers each response of a Train stream: opens stages, keeps the window of pairs full, decides after each step. */
export class Dialogue {
  readonly progress: Progress = {
    outcome: "cancelled",
    reason: "",
    steps: 0,
    stages: [],
    checkpoints: [],
    referenceMoves: [],
  };
  readonly #parts: DialogueParts;
  #stage: OpenStageState | undefined;
  #decision: Decision | undefined;
  readonly #history = new StageHistory();
  #stopped = false;
  #ended = false;

  constructor(parts: DialogueParts) {
    this.#parts = parts;
  }

  /** True once the trainer said that training is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Handles one response and sends what follows from it. */
  async take(response: Response): Promise<void> {
    switch (response.$case) {
      case "started":
        return this.#started(response.value.trainableParameters);
      case "tableProgress":
        return this.#parts.emit({ type: "table", stage: this.#current().index, ...response.value });
      case "stageOpened":
        return this.#stageOpened(response.value);
      case "stepReport":
        return this.#stepReport(response.value);
      case "checkpointSaved":
        return this.#checkpointSaved(response.value);
      case "stageClosed":
        return this.#stageClosed(response.value);
      case "ended":
        return this.#trainingEnded(response.value);
      case "failed":
        throw new Error(response.value.message);
    }
  }

  #started(trainableParameters: number): void {
    const { plan, emit } = this.#parts;
    const stages = plan.stages.map((stage) => ({ name: stage.name, steps: plannedSteps(plan, stage) }));
    emit({ type: "started", name: plan.name, stages, trainableParameters });
    this.#open(0);
  }

  #open(index: number): void {
    const { plan, policies, outbox } = this.#parts;
    const planned = plan.stages[index] as StagePlan;
    const request = openStage(plan, index, keepsReferenceWeights(policies, plan));
    const feed = stageFeed(plan, planned, policies);
    this.#stage = { index, plan: planned, steps: request.steps, feed, drawable: request.pairs };
    outbox.send({ $case: "openStage", value: request });
  }

  async #stageOpened({ tableSeconds }: StageOpened): Promise<void> {
    const { index, plan, steps } = this.#current();
    this.#history.open(plan.reference);
    this.progress.stages.push({
      name: plan.name,
      plannedSteps: steps,
      steps: 0,
      unusedPairs: [],
      checkpoint: null,
      tableSeconds,
    });
    const feed = this.#nextFeed();
    const opened = { type: "stage-opened", stage: index, name: plan.name, steps, reference: plan.reference } as const;
    await this.#parts.files.journal.write({ ...opened, reason: feed?.reason ?? "" });
    this.#parts.emit({ ...opened, tableSeconds });
    this.#send(feed);
  }

  /** What policies see of the open stage. */
  #state(): RunState {
    const { plan } = this.#parts;
    const { index, plan: stagePlan, steps, drawable } = this.#current();
    const { reports, stepsSinceMove, margins } = this.#history;
    return {
      plan,
      stagePlan,
      stage: index,
      stages: plan.stages.length,
      plannedSteps: steps,
      drawable,
      reports,
      stepsSinceMove,
      margins,
      lastOfStage: reports.length >= steps,
    };
  }

  #nextFeed(): Feed | null {
    return this.#current().feed.topUp(this.#state());
  }

  #send(feed: Feed | null): void {
    if (feed !== null) this.#parts.outbox.send({ $case: "feedPairs", value: { pairs: feed.pairs, last: feed.last } });
  }

  async #stepReport(report: StepReport): Promise<void> {
    const { policies, files, cancellation, outbox, emit } = this.#parts;
    this.#history.add(report);
    this.progress.steps = report.step;
    await files.metrics.write(report);
    emit({ type: "step", report: stepMetrics(report) });
    const { decision, stopped } = await decide(report, this.#state(), policies, cancellation);
    this.#stopped = stopped;
    if (decision.moveReferenceAlpha !== undefined) this.#history.move();
    const feed = decision.endStage ? null : this.#nextFeed();
    decision.reason = [decision.reason, feed?.reason ?? ""].filter((reason) => reason !== "").join("; ");
    await this.#journal(report, decision);
    // Before the decision: the trainer fetches ahead as soon as it goes on.
    this.#send(feed);
    this.#decision = decision;
    outbox.send({ $case: "decision", value: decision });
    this.#afterDecision(decision);
  }

  async #journal(report: StepReport, decision: Decision): Promise<void> {
    const { reason, checkpoint, endStage, stop } = decision;
    await this.#parts.files.journal.write({
      type: "decision",
      step: report.step,
      stage: this.#current().index,
      loss: report.loss,
      reason,
      moveReferenceAlpha: decision.moveReferenceAlpha ?? null,
      checkpoint,
      evaluateHeldOut: decision.evaluateHeldOut,
      endStage,
      stop,
    });
  }

  #afterDecision({ step, moveReferenceAlpha: alpha, reason }: Decision): void {
    if (alpha === undefined) return;
    this.progress.referenceMoves.push({ step, alpha, reason });
    this.#parts.emit({ type: "reference-moved", stage: this.#current().index, step, alpha, reason });
  }

  async #checkpointSaved({ path, step, weightsSha256 }: CheckpointSaved): Promise<void> {
    const stage = this.#current().index;
    const name = this.#decision?.checkpoint ?? "";
    const saved: SavedCheckpoint = { name, stage, step, path, weightsSha256 };
    this.progress.checkpoints.push(saved);
    const summary = this.progress.stages[stage];
    if (summary !== undefined && this.#decision?.endStage === true) summary.checkpoint = saved;
    await this.#parts.files.journal.write({ type: "checkpoint", step, stage, name, weightsSha256 });
    this.#parts.emit({ type: "checkpoint", ...saved });
  }

  async #stageClosed({ steps, unusedPairs }: StageClosed): Promise<void> {
    const { plan, files, emit } = this.#parts;
    const { index } = this.#current();
    const summary = this.progress.stages[index];
    if (summary !== undefined) Object.assign(summary, { steps, unusedPairs });
    const closed = { type: "stage-closed", stage: index, steps, unusedPairs } as const;
    await files.journal.write(closed);
    emit(closed);
    this.#stage = undefined;
    if (this.#decision?.stop !== true && index + 1 < plan.stages.length) this.#open(index + 1);
  }

  async #trainingEnded({ steps, seconds }: TrainingEnded): Promise<void> {
    const { outbox, cancellation } = this.#parts;
    this.#ended = true;
    outbox.end();
    this.progress.steps = steps;
    const early: RunOutcome = cancellation.stop === null ? "stopped" : "cancelled";
    await this.end(this.#stopped ? early : "completed", seconds);
  }

  /** Records the end of the run. */
  async end(outcome: RunOutcome, seconds: number): Promise<void> {
    const { stop } = this.#parts.cancellation;
    const reason = outcome === "cancelled" && stop !== null ? stop.reason : (this.#decision?.reason ?? "");
    this.progress.outcome = outcome;
    this.progress.reason = reason;
    const { steps } = this.progress;
    await this.#parts.files.journal.write({ type: "ended", outcome, reason, steps });
    this.#parts.emit({ type: "ended", outcome, reason, steps, seconds });
  }

  #current(): OpenStageState {
    if (this.#stage === undefined) throw new Error("The trainer reported a stage that is not open.");
    return this.#stage;
  }
}

function stageFeed(plan: RunPlan, stage: StagePlan, policies: RunPolicies): StageFeed {
  const next = policies.curriculum?.next;
  return stage.steps === undefined || next === undefined
    ? new PairWindow(stage.pairs, plan.batchSize, effectiveBatch(plan))
    : new ChosenPairs(next, stage.steps, effectiveBatch(plan));
}
