import type { CurriculumPair, CurriculumPlan, CurriculumStage, CurriculumState } from "../curriculum/curriculum.js";
import { UserError } from "../errors.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import type { ReferenceAtOpen, ReferenceMove, ReferencePolicy, ReferenceState } from "../reference/reference.js";
import { effectiveBatch, plannedSteps } from "../run/plan.js";
import { StageHistory } from "../run/stage-history.js";
import { ChosenPairs } from "../run/window.js";
import { meanOfKnown } from "../step-figures/figure.js";
import type { RecordedRun } from "./recorded-run.js";

/** Policies to try on a recorded run; the run's own plan replaces what is left out. */
export interface SimulatedPolicies {
  readonly reference?: Pick<ReferencePolicy, "atOpen" | "move">;
  readonly curriculum?: CurriculumPlan;
}

/** What would have been decided after a step, or before the first step of a stage. */
interface SimulatedDecision {
  /** Optimiser steps before it. */
  readonly step: number;
  readonly what: "stage opens" | "reference moves" | "stage ends" | "held-out pairs are scored";
  readonly reason: string;
}

/** A step as it would have been. */
interface SimulatedStep {
  readonly step: number;
  readonly stage: number;
  /** Rows that would have been trained on. */
  readonly pairs: readonly number[];
  /** Why these rows; empty when the plan lists them. */
  readonly reason: string;
}

/** A run as other policies would have had it. */
export interface Simulation {
  readonly steps: readonly SimulatedStep[];
  readonly decisions: readonly SimulatedDecision[];
  /** Stages that were reached, with their steps. */
  readonly stages: readonly { readonly name: string; readonly planned: number; readonly steps: number }[];
}

/**
 * Tells policies the recorded reports, one by one, and writes down what they would have decided.
 *
 * The reports stay those of the recorded run: a policy that would have trained on other pairs, or moved the reference
 * elsewhere, does not see what that would have led to. Margins that the run did not record are missing, and a held-out
 * evaluation has figures only where the run made one. The run's own policies decide as they did in the run.
 *
 * @throws UserError when a policy chooses what cannot be done.
 */
export function simulate(run: RecordedRun, policies: SimulatedPolicies): Simulation {
  const stages = policies.curriculum?.stages ?? run.plan.stages;
  const simulated = new Simulated(run, policies, stages.length);
  for (const [index, stage] of stages.entries()) {
    if (simulated.isOver) break;
    simulated.stage(index, stage);
  }
  return simulated;
}

class Simulated implements Simulation {
  readonly steps: SimulatedStep[] = [];
  readonly decisions: SimulatedDecision[] = [];
  readonly stages: { name: string; planned: number; steps: number }[] = [];
  readonly #run: RecordedRun;
  readonly #policies: SimulatedPolicies;
  readonly #count: number;
  readonly #history = new StageHistory();

  constructor(run: RecordedRun, policies: SimulatedPolicies, count: number) {
    this.#run = run;
    this.#policies = policies;
    this.#count = count;
  }

  get isOver(): boolean {
    return this.steps.length >= this.#run.reports.length;
  }

  stage(index: number, { name, pairs, steps: chosen }: Pick<CurriculumStage, "name" | "pairs" | "steps">): void {
    const { plan, reports } = this.#run;
    const atOpen = this.#atOpen(index);
    this.#history.open(atOpen);
    this.#decided("stage opens", `${name}; reference: ${atOpen}`);
    const stage = { name, planned: chosen ?? plannedSteps(plan, { pairs }), steps: 0 };
    this.stages.push(stage);
    const drawable = [...new Set(pairs)].sort((a, b) => a - b);
    for (let ends = false; !ends && !this.isOver;) {
      const draw = this.#draw({ pairs, chosen }, this.#state(index, stage.planned, drawable));
      const recorded = reports[this.steps.length] as StepReport;
      stage.steps += 1;
      const report: StepReport = { ...recorded, stage: index, stepInStage: stage.steps };
      this.steps.push({ step: recorded.step, stage: index, ...draw });
      this.#history.add(report);
      ends = this.#decide(report, this.#state(index, stage.planned, drawable));
    }
  }

  /** Whether the stage ends with this step. */
  #decide(report: StepReport, state: ReferenceState & CurriculumState): boolean {
    const promotion = this.#policies.curriculum?.promote?.(report, state) ?? null;
    const atEnd = this.#endsByPlan(report, state);
    const ends = promotion?.endStage === true || atEnd;
    if (promotion?.evaluateHeldOut === true && !ends) this.#decided("held-out pairs are scored", promotion.reason);
    const move = this.#move(report, state);
    // As in a run: a move at a stage's end counts only when the next stage keeps the reference.
    if (move !== null && (!ends || (state.stage + 1 < this.#count && this.#atOpen(state.stage + 1) === "keep"))) {
      this.#history.move();
      this.#decided("reference moves", `alpha ${move.alpha}: ${move.reason}`);
    }
    if (ends) this.#decided("stage ends", promotion?.endStage === true ? promotion.reason : "end of the stage's plan");
    return ends;
  }

  #atOpen(stage: number): ReferenceAtOpen {
    return this.#policies.reference?.atOpen(stage) ?? this.#run.plan.stages[stage]?.reference ?? "policy";
  }

  #move(report: StepReport, state: ReferenceState): ReferenceMove | null {
    const { reference } = this.#policies;
    return reference === undefined ? (this.#run.moves.get(report.step) ?? null) : reference.move(report, state);
  }

  /** A curriculum's stage ends with its plan; a recorded one where the run's ended, for whatever reason. */
  #endsByPlan({ step }: StepReport, { stage, plannedSteps: planned, reports }: CurriculumState): boolean {
    if (this.#policies.curriculum !== undefined) return reports.length >= planned;
    const next = this.#run.reports[this.steps.length];
    return next === undefined ? this.#run.ended.has(step) : next.stage !== stage;
  }

  #draw(
    { pairs, chosen }: { pairs: readonly number[]; chosen: number | undefined },
    state: CurriculumState,
  ): Pick<SimulatedStep, "pairs" | "reason"> {
    const { curriculum } = this.#policies;
    const recorded = this.#run.reports[this.steps.length] as StepReport;
    if (curriculum === undefined) return { pairs: recorded.pairs.map(({ pair }) => pair), reason: "" };
    const perStep = effectiveBatch(this.#run.plan);
    const done = state.reports.length;
    if (chosen === undefined) return { pairs: pairs.slice(done * perStep, (done + 1) * perStep), reason: "" };
    if (curriculum.next === undefined) throw new UserError("curriculum: its stages have steps, but it has no next");
    const feed = new ChosenPairs(curriculum.next, chosen, perStep).topUp(state);
    return { pairs: feed?.pairs ?? [], reason: feed?.reason ?? "" };
  }

  #state(stage: number, planned: number, drawable: readonly number[]): ReferenceState & CurriculumState {
    const { reports, margins, stepsSinceMove } = this.#history;
    return { stage, stages: this.#count, plannedSteps: planned, drawable, reports, margins, stepsSinceMove };
  }

  #decided(what: SimulatedDecision["what"], reason: string): void {
    this.decisions.push({ step: this.steps.length, what, reason });
  }
}

/** Mean difficulty of rows; NaN where none is known. */
export function meanDifficulty(pairs: readonly CurriculumPair[]): (rows: readonly number[]) => number {
  const known = new Map(pairs.map(({ pair, difficulty }) => [pair, difficulty ?? Number.NaN]));
  return (rows) => meanOfKnown(rows.map((row) => known.get(row) ?? Number.NaN));
}
