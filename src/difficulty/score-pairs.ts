import type { PairScore } from "../generated/scpo/v1/pair.js";
import type { Signal, TrainerServiceClient } from "../generated/scpo/v1/trainer.js";
import type { PairSignals } from "./grade.js";

/** How pairs are scored. */
export interface ScoreOptions {
  /** Pairs per forward pass; 0 leaves it to the trainer. @default 0 */
  batchSize?: number;
  /** Signals to compute. @default all */
  signals?: readonly Signal[];
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Asks the loaded model for the signals of every pair of a file.
 *
 * @param client - A trainer with a loaded model.
 * @param dataset - Path and SHA-256 of the file, and how many pairs it holds.
 * @param options - Batch size, signals, progress and cancellation.
 * @returns One score per pair, in the order of the file's rows.
 * @throws Error when the trainer leaves a pair out, or scores one that is not in the file or twice.
 */
export async function scorePairs(
  client: Pick<TrainerServiceClient, "scorePairs">,
  dataset: { path: string; sha256: string; pairs: number },
  options: ScoreOptions = {},
): Promise<PairScore[]> {
  const scores = new Array<PairScore | undefined>(dataset.pairs);
  const stream = client.scorePairs(
    {
      dataset: { path: dataset.path, sha256: dataset.sha256 },
      pairs: [],
      signals: [...(options.signals ?? [])],
      batchSize: options.batchSize ?? 0,
    },
    options.signal === undefined ? {} : { signal: options.signal },
  );
  for await (const response of stream) {
    for (const score of response.scores) {
      if (score.pair >= dataset.pairs) throw new Error(`trainer scored pair ${score.pair} of ${dataset.pairs}`);
      if (scores[score.pair] !== undefined) throw new Error(`trainer scored pair ${score.pair} twice`);
      scores[score.pair] = score;
    }
    options.onProgress?.(response.done, response.total);
  }
  return Array.from(scores, (score, pair) => {
    if (score === undefined) throw new Error(`trainer left pair ${pair} of ${dataset.pairs} unscored`);
    return score;
  });
}

/**
 * Signals of a scored pair, ready to be graded.
 *
 * @param score - From {@link scorePairs}.
 * @param wordProximity - How near the differing words are; left out when the pair has none.
 */
export function signalsOf(score: PairScore, wordProximity?: number): PairSignals {
  return {
    entropy: score.entropy,
    image_similarity: score.imageSimilarity,
    transport_distance: score.transportDistance,
    word_proximity: wordProximity,
  };
}
