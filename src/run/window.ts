/** Optimiser steps that are fed ahead of the one under way. */
const stepsAhead = 2;

/** Pairs to feed now; `last` says that the stage has no more. */
export interface Feed {
  pairs: number[];
  last: boolean;
}

/**
 * Decides how many pairs of a stage have to be fed: those of the step under way, two further steps and one batch, since
 * the trainer fetches a batch ahead of the one that it computes.
 */
export class PairWindow {
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

  /**
   * What to feed after `steps` steps of the stage are reported (0: the stage has just opened).
   *
   * @returns null when enough is fed.
   */
  topUp(steps: number): Feed | null {
    const wanted = (steps + 1 + stepsAhead) * this.#perStep + this.#batchSize;
    const until = Math.min(wanted, this.#pairs.length);
    if (until <= this.#fed) return null;
    const pairs = this.#pairs.slice(this.#fed, until);
    this.#fed = until;
    return { pairs, last: until === this.#pairs.length };
  }
}
