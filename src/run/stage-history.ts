import type { PairReport, StepReport } from "../generated/scpo/v1/trainer.js";
import type { ReferenceAtOpen } from "../reference/reference.js";
import { meanOfKnown } from "../step-figures/figure.js";

/** What policies know of the past: a fold of the reports and of the reference's moves, and of nothing else. */
export class StageHistory {
  #reports: StepReport[] = [];
  #stepsSinceMove = 0;
  readonly #margins = new Map<number, number>();

  /** Reports of the open stage, the last step's last. */
  get reports(): readonly StepReport[] {
    return this.#reports;
  }

  /** Optimiser steps since the reference last moved; a stage that opens with "policy" or "initial" counts as a move. */
  get stepsSinceMove(): number {
    return this.#stepsSinceMove;
  }

  /** Latest margin of each pair since the reference last moved, the mean over the margins that were computed. */
  get margins(): ReadonlyMap<number, number> {
    return this.#margins;
  }

  /** A stage opens. */
  open(reference: ReferenceAtOpen): void {
    this.#reports = [];
    if (reference !== "keep") this.move();
  }

  /** An optimiser step was reported. */
  add(report: StepReport): void {
    this.#reports.push(report);
    this.#stepsSinceMove += 1;
    for (const pair of report.pairs) this.#margins.set(pair.pair, margin(pair));
  }

  /** The reference moved: rewards, and with them margins, start anew. */
  move(): void {
    this.#stepsSinceMove = 0;
    this.#margins.clear();
  }
}

function margin(pair: PairReport): number {
  // By name, so that the sum is the same in every order in which they came.
  const names = Object.keys(pair.margins).sort();
  return meanOfKnown(names.map((name) => pair.margins[name] as number));
}
