import { z } from "zod";
import { shuffled } from "./shuffle.js";

/** Share of each batch that comes from the stages before. */
export const replaySetting = z
  .number()
  .min(0)
  .lt(1)
  .default(0)
  .describe("Share of each batch of a later stage that is drawn from the stages before it; from 0, below 1.");

/** What a stage is fed from. */
export interface StageRows {
  /** Rows of the stage, in the order in which they are used. */
  readonly own: readonly number[];
  /** Rows of the stages before it, each once; none in the first stage. */
  readonly earlier: readonly number[];
}

/**
 * Feeds a stage its own rows, and in every batch a share of rows of earlier stages.
 *
 * Earlier rows are used in shuffled passes, so that all are replayed equally often. The share is kept over the stage:
 * where it is no whole number of rows, batches differ by one. Own rows that do not fill the last batch are repeated from
 * the front. A share of 0 feeds only the stage's own rows.
 *
 * Source: experience replay of continual learning (CLEAR, arXiv 1811.11682, mixes new and replayed experience at a set
 * ratio); its use between stages of a curriculum is ours.
 *
 * @param share - Of each batch, from 0, below 1.
 * @param batch - Pairs per optimiser step.
 * @param seed - The run's seed.
 * @param stage - Index of the stage.
 * @returns Rows in feeding order, and how many of the last only fill up.
 */
export function withReplay(
  { own, earlier }: StageRows,
  share: number,
  batch: number,
  seed: number,
  stage: number,
): { pairs: number[]; padding: number } {
  const pairs: number[] = [];
  const replayed = replay(Uint32Array.from(earlier), seed, stage);
  const replays = (steps: number) => (earlier.length === 0 ? 0 : Math.round(share * batch * steps));
  let used = 0;
  for (let step = 1; used < own.length; step += 1) {
    const old = replays(step) - replays(step - 1);
    for (let count = 0; count < old; count += 1) pairs.push(replayed.next().value);
    for (let count = old; count < batch; count += 1, used += 1) pairs.push(own[used % own.length] as number);
  }
  return { pairs, padding: used - own.length };
}

/** Rows of earlier stages, pass after pass, each pass in an order of its own. */
function* replay(earlier: Uint32Array, seed: number, stage: number): Generator<number, never, undefined> {
  for (let pass = 0; ; pass += 1) yield* shuffled(earlier, seed, stage, replayed, pass);
}

/** Distinguishes these shuffles from those of the stage's own rows, whose path is stage and epoch. */
const replayed = 0xfffffffe;
