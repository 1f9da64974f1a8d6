import type { CurriculumState, NextPairs } from "../curriculum/curriculum.js";
import { UserError } from "../errors.js";

/** Optimiser steps that are fed ahead of the one under way. */
const stepsAhead = 2;

/** Pairs to feed now. */
export interface Feed {
  pairs: number[];
  /** The stage has no more. */
  last: boolean;
  /** Why these pairs, for the log; empty when the plan says so. */
  reason: string;
}

/** Hands out the pairs of one stage. */
export interface StageFeed {
  /**
   * What to feed after the steps of the stage that `state` has reports of; before the first step it has none.
   *
   * @returns null when enough is fed.
   */
  topUp(state: CurriculumState): Feed | null;
}

/**
 * Decides how many pairs of a stage have to be fed: those of the step under way, two further steps and one batch, since
 * the trainer fetches a batch ahead of the one that it computes.
 */
export class PairWindow implements StageFeed {
  readonly #pairs: readonly number[];
  readonly #batchSize: number;
  readonly #perStep: number;
  #fed = 0;

  /**
   * @param pairs Rows of the stage in feeding order.
   * @param batchSize Pairs per forward pass.
   * @param perStep Pairs per optimiser step.
   */
  constructor(pairs: readonly number[], batchSize: number, perStep: number) {
    this.#pairs = pairs;
    this.#batchSize = batchSize;
    this.#perStep = perStep;
  }

  topUp({ reports: { length: steps } }: Pick<CurriculumState, "reports">): Feed | null {
    const wanted = (steps + 1 + stepsAhead) * this.#perStep + this.#batchSize;
    const until = Math.min(wanted, this.#pairs.length);
    if (until <= this.#fed) return null;
    const pairs = this.#pairs.slice(this.#fed, until);
    this.#fed = until;
    return { pairs, last: until === this.#pairs.length, reason: "" };
  }
}

/**
 * Asks the curriculum for the pairs of each step, with the report of the step before: the trainer waits for the decision
 * anyway, and nothing is fed further ahead. It remembers nothing, so that a resumed stage continues with its next step.
 */
export class ChosenPairs implements StageFeed {
  readonly #next: NextPairs;
  readonly #steps: number;
  readonly #perStep: number;

  /**
   * @param next Chooses the rows of a step.
   * @param steps Optimiser steps of the stage.
   * @param perStep Pairs per optimiser step.
   */
  constructor(next: NextPairs, steps: number, perStep: number) {
    this.#next = next;
    this.#steps = steps;
    this.#perStep = perStep;
  }

  /** @throws UserError when the curriculum's rows are not a batch of rows that the stage may draw. */
  topUp(state: CurriculumState): Feed | null {
    const step = state.reports.length + 1;
    if (step > this.#steps) return null;
    const { pairs, reason } = this.#next(state);
    const at = `curriculum.next: stage ${state.stage}, step ${step}`;
    if (pairs.length !== this.#perStep) {
      throw new UserError(`${at}: found ${pairs.length} rows, expected ${this.#perStep}, those of an optimiser step`);
    }
    const drawable = new Set(state.drawable);
    const stray = pairs.find((pair) => !drawable.has(pair));
    if (stray !== undefined) {
      throw new UserError(
        `${at}: found row ${stray}, expected rows that the stage may draw: list it in the stage's pairs`,
      );
    }
    return { pairs: [...pairs], last: step === this.#steps, reason: reason === "" ? "" : `curriculum: ${reason}` };
  }
}
