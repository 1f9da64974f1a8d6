import type { PairScore } from "../generated/scpo/v1/pair.js";
import { Signal, type TrainerServiceClient } from "../generated/scpo/v1/trainer.js";
import { pairError } from "./agreement.js";

/** Columns that a model fills, and what the trainer is asked for them. */
const MODEL_SIGNALS = {
  entropy: Signal.ENTROPY,
  image_similarity: Signal.IMAGE_SIMILARITY,
  transport_distance: Signal.TRANSPORT_DISTANCE,
  blind_margin: Signal.BLIND_MARGIN,
  tokens: Signal.TOKENS,
  /** Log-probability of chosen minus that of rejected on `images`; with a reference's it makes reward_gap. */
  margin: Signal.LOGPS,
  /** How wrong the model is about the pair; see {@link pairError}. */
  wrong_margins: Signal.LOGPS,
  negative_margin: Signal.LOGPS,
} as const;

/** Name of a signal that a model gives. */
export type ModelSignal = keyof typeof MODEL_SIGNALS;

/** What a model is asked for. */
export interface ModelScoring {
  readonly dataset: { readonly path: string; readonly sha256: string };
  readonly rows: readonly number[];
  readonly signals: readonly ModelSignal[];
  /** Pairs a forward pass; 0 leaves it to the trainer. */
  readonly batchSize: number;
  /** Folders of encoders; empty: the model's own tower. */
  readonly imageEncoder: string;
  readonly patchEncoder: string;
}

/**
 * Asks the loaded model for signals of rows, batch by batch.
 *
 * @returns Batches of rows and their signals, as the trainer finishes them.
 * @throws Error when the trainer scores a pair that it was not asked about, or one twice, or leaves out a signal.
 */
export async function* modelSignals(
  client: Pick<TrainerServiceClient, "scorePairs">,
  scoring: ModelScoring,
  signal?: AbortSignal,
): AsyncGenerator<{ row: number; signals: Record<string, number> }[], void, undefined> {
  const { dataset, rows, signals, batchSize, imageEncoder, patchEncoder } = scoring;
  const request = {
    dataset,
    pairs: [...rows],
    signals: signals.map((name) => MODEL_SIGNALS[name]),
    batchSize,
    imageEncoder,
    patchEncoder,
  };
  const open = new Set(rows);
  for await (const { scores } of client.scorePairs(request, signal === undefined ? {} : { signal })) {
    for (const { pair } of scores) {
      if (!open.delete(pair)) throw new Error(`the trainer scored pair ${pair} twice or without being asked`);
    }
    yield scores.map((score) => ({ row: score.pair, signals: named(score, signals) }));
  }
}

function named(score: PairScore, wanted: readonly ModelSignal[]): Record<string, number> {
  const { logps } = score;
  const all: Partial<Record<ModelSignal, number | undefined>> = {
    entropy: score.entropy,
    image_similarity: score.imageSimilarity,
    transport_distance: score.transportDistance,
    blind_margin: score.blindMargin,
    tokens: score.tokens,
    ...(logps === undefined
      ? {}
      : { margin: logps.chosenGivenImages - logps.rejectedGivenImages, ...pairError(logps) }),
  };
  return Object.fromEntries(
    wanted.map((name) => {
      const value = all[name];
      if (value === undefined) throw new Error(`the trainer scored pair ${score.pair} without ${name}`);
      return [name, value];
    }),
  );
}
