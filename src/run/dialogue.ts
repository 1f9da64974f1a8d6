import { join } from "node:path";
import type {
  CheckpointSaved,
  Decision,
  StageClosed,
  StageOpened,
  StepReport,
  TrainingStarted,
  TrainRequest,
  TrainResponse,
} from "../generated/scpo/v1/trainer.js";
import { inOrder } from "../step-figures/in-order.js";
import type { Cancellation } from "./decide.js";
import { decide } from "./decide.js";
import type { History } from "./history.js";
import type { Decided, LogEntry, RunBeginning, RunOutcome } from "./log/entries.js";
import type { Outbox } from "./outbox.js";
import type { RunPlan, StagePlan } from "./plan.js";
import { effectiveBatch } from "./plan.js";
import type { RunPolicies, TrainingState } from "./policies.js";
import { keepsReferenceWeights } from "./policies.js";
import { openStage } from "./trainer-requests.js";
import type { RunPaths } from "./run-files.js";
import { sweepTrainings } from "./run-files.js";
import type { CheckpointSettings } from "./definition.js";
import { StageHistory } from "./stage-history.js";
import type { StopRequest } from "./stop-request.js";
import { trainingError } from "./failures.js";
import type { Feed, StageFeed } from "./window.js";
import { ChosenPairs, PairWindow } from "./window.js";

/** What a dialogue works with. */
export interface DialogueParts {
  readonly plan: RunPlan;
  readonly policies: RunPolicies;
  readonly checkpoints: CheckpointSettings;
  /** What the run begins with, unless it did. */
  readonly beginning: RunBeginning;
  /** Why the run resumes where its history ends; null for a run that begins. */
  readonly resumedBecause: string | null;
  readonly paths: RunPaths;
  readonly outbox: Outbox;
  readonly stop: StopRequest;
  readonly cancellation: Cancellation;
  /** Appends to the run's log, and tells all who watch the run. */
  readonly tell: (entry: LogEntry) => Promise<void>;
  /** Resolves when the disk has everything told so far. */
  readonly sync: () => Promise<void>;
}

type Response = NonNullable<TrainResponse["response"]>;

/** The stage that is open. */
interface OpenStageState {
  readonly index: number;
  readonly plan: StagePlan;
  readonly steps: number;
  readonly feed: StageFeed;
  /** Rows that the stage may draw, each once. */
  readonly drawable: readonly number[];
  /** Every pair that was fed, in order, and whether the last was. */
  readonly fed: { readonly pairs: number[]; last: boolean };
}

/**
 * Answers each response of a Train stream: opens stages, keeps the window of pairs full, decides after each step.
 *
 * A resumed run first takes its own history as if the trainer told it, with the decisions that the log holds, and
 * sends and writes nothing meanwhile: whatever follows from the past is rebuilt by the code that made it.
 */
export class Dialogue {
  readonly #parts: DialogueParts;
  #live = false;
  #stage: OpenStageState | undefined;
  #decided: Decided | undefined;
  /** A resumed training opens its stage a second time. */
  #reopening = false;
  #step = 0;
  readonly #history = new StageHistory();
  #saved: string[] = [];
  #savedStep = 0;
  #outcome: RunOutcome | undefined;

  constructor(parts: DialogueParts) {
    this.#parts = parts;
  }

  /** How training ended, once the trainer said so. */
  get outcome(): RunOutcome | undefined {
    return this.#outcome;
  }

  /** Reason of the last decision. */
  get reason(): string {
    return this.#decided?.decision.reason ?? "";
  }

  /** Optimiser steps done. */
  get step(): number {
    return this.#step;
  }

  /** Whether the run can go on later without anything being done again. */
  get isSaved(): boolean {
    return this.#step === this.#savedStep;
  }

  /** Takes what happened before; call it before the first response. */
  async replay({ entries, saved, step }: History): Promise<void> {
    let report: StepReport | undefined;
    for await (const entry of entries) {
      if (entry.type === "step") ({ report } = entry);
      else if (entry.type === "started") this.#open(0);
      else if (entry.type === "stage-opened") await this.#stageOpened(entry);
      else if (entry.type === "decision") await this.#stepReport(report as StepReport, entry);
      else if (entry.type === "stage-closed") await this.#stageClosed(entry);
    }
    this.#saved = [...saved];
    this.#savedStep = step;
    this.#reopening = this.#stage !== undefined && step > 0;
  }

  /** Handles one response and sends what follows from it. */
  async take(response: Response): Promise<void> {
    this.#live = true;
    switch (response.$case) {
      case "started":
        return this.#started(response.value);
      case "tableProgress":
        return this.#tell({ type: "table", stage: this.#current().index, ...response.value });
      case "stageOpened":
        return this.#stageOpened(response.value);
      case "stepReport":
        return this.#stepReport(inOrder(response.value));
      case "checkpointSaved":
        return this.#checkpointSaved(response.value);
      case "stageClosed":
        return this.#stageClosed(response.value);
      case "ended":
        return this.#ended();
      case "failed":
        throw trainingError(response.value);
    }
  }

  async #started({ trainableParameters, storedDtype, weightsDtype, autocastDtype }: TrainingStarted): Promise<void> {
    const { beginning, resumedBecause } = this.#parts;
    const dtypes = { stored: storedDtype, weights: weightsDtype, autocast: autocastDtype };
    const stage = this.#stage?.index ?? 0;
    if (resumedBecause === null) {
      await this.#tell({ type: "started", ...beginning, trainableParameters, dtypes });
    } else {
      await this.#tell({ type: "resumed", step: this.#step, stage, reason: resumedBecause });
    }
    if (this.#reopening) this.#openAgain(stage);
    else this.#open(stage);
  }

  #open(index: number): void {
    const { plan, policies } = this.#parts;
    const planned = plan.stages[index] as StagePlan;
    const request = openStage(plan, index, keepsReferenceWeights(policies, plan));
    const feed = stageFeed(plan, planned, policies);
    const fed = { pairs: [], last: false };
    this.#stage = { index, plan: planned, steps: request.steps, feed, drawable: request.pairs, fed };
    this.#request({ $case: "openStage", value: request });
  }

  /** The stage that was open when the training was saved, with everything that is known of it. */
  #openAgain(index: number): void {
    const { plan, policies } = this.#parts;
    this.#request({ $case: "openStage", value: openStage(plan, index, keepsReferenceWeights(policies, plan)) });
  }

  async #stageOpened({ tableSeconds }: Pick<StageOpened, "tableSeconds">): Promise<void> {
    if (this.#reopening) return this.#feedAgain();
    const { index, plan, steps } = this.#current();
    this.#history.open(plan.reference);
    const feed = this.#nextFeed();
    const { name, reference } = plan;
    const reason = feed?.reason ?? "";
    await this.#tell({ type: "stage-opened", stage: index, name, steps, reference, reason, tableSeconds });
    this.#feed(feed);
  }

  /** What was fed before and not trained on by the time of the saved training. */
  #feedAgain(): void {
    const { fed } = this.#current();
    // A stage that is over takes no pairs; `#reopening` lasts until it is closed.
    if (this.#decided?.decision.endStage === true) return;
    this.#reopening = false;
    const pairs = fed.pairs.slice(this.#history.reports.length * effectiveBatch(this.#parts.plan));
    this.#request({ $case: "feedPairs", value: { pairs, last: fed.last } });
  }

  #nextFeed(): Feed | null {
    return this.#current().feed.topUp(this.#state());
  }

  #feed(feed: Feed | null): void {
    if (feed === null) return;
    const { fed } = this.#current();
    const { pairs, last } = feed;
    for (const pair of pairs) fed.pairs.push(pair);
    fed.last = last;
    this.#request({ $case: "feedPairs", value: { pairs, last } });
  }

  async #stepReport(report: StepReport, recordedThen?: Decided): Promise<void> {
    const { policies, sync, cancellation } = this.#parts;
    this.#history.add(report);
    this.#step = report.step;
    const told = this.#tell({ type: "step", report });
    // Awaited below; a policy's failure comes first.
    told.catch(() => undefined);
    const decided = recordedThen ?? (await decide(report, this.#state(), policies, cancellation));
    const { decision } = decided;
    this.#decided = decided;
    if (decision.moveReferenceAlpha !== undefined) this.#history.move();
    const feed = decision.endStage ? null : this.#nextFeed();
    // The log holds the two together.
    if (recordedThen === undefined) {
      decision.reason = [decision.reason, feed?.reason ?? ""].filter((reason) => reason !== "").join("; ");
    }
    await Promise.all([told, this.#tell({ type: "decision", ...decided }), this.#afterDecision(decision)]);
    if (!this.#live) return this.#feed(feed);
    const answer = this.#withSaving(decision);
    // No checkpoint may lie on the disk without the decision that asked for it.
    if (answer.checkpoint !== "" || answer.saveTraining !== "") await sync();
    // Before the decision: the trainer fetches ahead as soon as it goes on.
    this.#feed(feed);
    this.#request({ $case: "decision", value: answer });
  }

  #state(): TrainingState {
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

  /** Adds what the log does not hold, since it changes nothing of what is learnt: savings, and a pause. */
  #withSaving(decision: Decision): Decision {
    const { checkpoints, stop } = this.#parts;
    if (stop.stop?.kind === "cancel") return decision;
    const pause = stop.stop?.kind === "pause" && !decision.stop;
    const due = checkpoints.everySteps > 0 && (decision.endStage || decision.step % checkpoints.everySteps === 0);
    return { ...decision, pause, saveTraining: pause || due ? `step-${decision.step}` : "" };
  }

  async #afterDecision({ step, moveReferenceAlpha: alpha, reason }: Decision): Promise<void> {
    if (alpha === undefined) return;
    await this.#tell({ type: "reference-moved", stage: this.#current().index, step, alpha, reason });
  }

  async #checkpointSaved({ name, step, weightsSha256, training }: CheckpointSaved): Promise<void> {
    const { paths, checkpoints } = this.#parts;
    const stage = this.#current().index;
    if (!training) {
      const path = join(paths.checkpoints, name);
      return this.#tell({ type: "checkpoint", stage, step, name, path, weightsSha256 });
    }
    await this.#tell({ type: "training-saved", stage, step, name });
    this.#savedStep = step;
    this.#saved = [...this.#saved.filter((earlier) => earlier !== name), name].slice(-checkpoints.keep);
    await sweepTrainings(paths.checkpoints, this.#saved);
  }

  async #stageClosed({ steps, unusedPairs }: Omit<StageClosed, "stage">): Promise<void> {
    const { plan, outbox } = this.#parts;
    const { index, fed } = this.#current();
    // A stage that was over when its training was saved was fed in the trainer's earlier life.
    const unused = this.#reopening ? fed.pairs.slice(steps * effectiveBatch(plan)) : unusedPairs;
    this.#reopening = false;
    await this.#tell({ type: "stage-closed", stage: index, steps, unusedPairs: unused });
    this.#stage = undefined;
    if (this.#decided?.decision.stop !== true && index + 1 < plan.stages.length) this.#open(index + 1);
    else if (this.#live) outbox.end();
  }

  #ended(): void {
    this.#parts.outbox.end();
    // A pause, and nothing else, ends the training within a stage.
    this.#outcome = this.#stage === undefined ? (this.#decided?.early ?? "completed") : "paused";
  }

  #tell(entry: LogEntry): Promise<void> {
    return this.#live ? this.#parts.tell(entry) : Promise.resolve();
  }

  #request(request: NonNullable<TrainRequest["request"]>): void {
    if (this.#live) this.#parts.outbox.send(request);
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
