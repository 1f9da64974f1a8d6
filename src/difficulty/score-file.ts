import { refuseOverInputs } from "../files/outputs.js";
import type { Trainer } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import { inBatches } from "../pairs/checking/repeats.js";
import { contentKey } from "../pairs/content-key.js";
import { isComplete, type SignalColumn } from "../pairs/pair-row.js";
import { streamPairRows } from "../pairs/pair-rows.js";
import { openParquet } from "../pairs/parquet-rows.js";
import { PAIR_ERRORS, type PairError } from "./agreement.js";
import { askModel, type ModelAnswers, type ModelQuestion } from "./ask-model.js";
import { type GradedPairsFile, gradePairsFile, type MeasuredSignals, usesFor } from "./grade-pairs-file.js";
import { checkedGrading, type Grading, gradingOf } from "./grading.js";
import { mean } from "../numbers/statistics.js";
import { imageDifference, wordEditDistance } from "./content-signals.js";
import { unknownWordCounter, type WordCounts } from "./unknown-words.js";
import { WordNet } from "../english/wordnet.js";

/** A pairs file to score and to grade; `uses` are the default signals, as far as there are any, where left out. */
export interface ScoreFileRequest extends Grading {
  readonly pairs: string;
  /** Pairs file to write: the same pairs with signals, difficulty and stage. */
  readonly out: string;
  /** What to measure; what the file holds besides stays. */
  readonly signals: readonly SignalColumn[];
  /** Folder of the model that gives entropy, margins and tokens, and similarities where no encoder is named. */
  readonly model?: string | undefined;
  /** Folder of the model that `model` was trained from, for reward_gap. */
  readonly referenceModel?: string | undefined;
  /** Folders of the encoders that give image_similarity and transport_distance in place of the model's tower. */
  readonly imageEncoder?: string | undefined;
  readonly patchEncoder?: string | undefined;
  /** Also says how wrong `model` is about each complete pair. @default false */
  readonly modelErrors?: boolean;
  /** Pairs a forward pass. @default 16 */
  readonly batchSize?: number;
  /** Obtains a trainer; called when a model is to be asked. */
  readonly trainer: () => Promise<Trainer>;
  readonly signal?: AbortSignal;
  /** Called with what is being done and how much of it is finished. */
  readonly onProgress?: (phase: string, done: number, total: number) => void;
}

/** What scoring came to. */
export interface ScoredFile extends GradedPairsFile {
  /** Pairs whose rejected text or contrast image is still to be made. */
  readonly incomplete: number;
  /** Pairs with an image that cannot be read: they have no model's signals and no image_difference. */
  readonly unreadable: readonly UnreadablePair[];
  /** Words of prompts and texts, and how many the model does not know; null where its tokens are smaller than words. */
  readonly unknownWords: WordCounts | null;
  /** Complete pairs by whether the rejected text is known to be true of its image. */
  readonly rejectedTrue: Readonly<Record<"true" | "false" | "unknown", number>>;
  /** Pairs that models were asked about now, and pairs whose signals were known. */
  readonly asked: number;
  readonly known: number;
  /** How wrong the model is, by row; undefined for an incomplete pair, all of them where it was not asked for. */
  readonly errors: readonly (PairError | undefined)[];
}

/** A pair with an image that cannot be read. */
interface UnreadablePair {
  readonly row: number;
  readonly id: string;
  readonly reason: string;
}

/** Signals that need one model; reward_gap needs two. */
const FROM_MODEL = ["entropy", "image_similarity", "transport_distance", "blind_margin", "tokens"] as const;

/** Scales reward_gap, as in DPO; ranks, and so difficulties, do not depend on it. */
export const REWARD_GAP_BETA = 0.1;

/** Rows whose images are decoded at a time. */
const BATCH_ROWS = 64;

/** Where models' answers are kept, so that an interrupted or repeated scoring asks for none twice. */
export function cacheFolder(out: string): string {
  return `${out}.signals`;
}

/**
 * Measures signals of every pair, grades the pairs by them and writes all into a new pairs file. A signal that does not
 * apply to a pair (a model's, to an incomplete one) is missing, not zero. Interrupted at any point and run again, it
 * ends with the same file.
 *
 * @throws UserError when a file, a model or a choice does not serve.
 */
export async function scoreFile(request: ScoreFileRequest): Promise<ScoredFile> {
  const { pairs, out, signal, onProgress } = request;
  await check(request);
  const count = (await openParquet(pairs)).count;
  const measured: MeasuredSignals[] = Array.from({ length: count }, () => ({}));
  const keys = new Array<string | null>(count).fill(null);
  const content = await measureContent(request, measured, keys);
  const byModels = await measureByModels(request, measured, keys);
  const graded = await gradePairsFile({
    ...gradingOf(request),
    pairs,
    out,
    measured,
    signal,
    onProgress: (done, total) => onProgress?.("pairs written", done, total),
  });
  return { ...graded, ...content, ...byModels };
}

async function check(request: ScoreFileRequest): Promise<void> {
  const { pairs, out, signals, model, referenceModel, modelErrors = false } = request;
  await refuseOverInputs([{ flag: "out", path: out }], [{ flag: "pairs", path: pairs }]);
  checkedGrading({ ...gradingOf(request), uses: await usesFor(pairs, request.uses, signals) });
  const { byModel } = sources(request);
  const needy = [...byModel, ...signals.filter((name) => name === "reward_gap"), ...(modelErrors ? PAIR_ERRORS : [])];
  if (needy.length > 0 && model === undefined) {
    const flags = ["--model"];
    if (byModel.includes("image_similarity")) flags.push("--image-encoder for image_similarity");
    if (byModel.includes("transport_distance")) flags.push("--patch-encoder for transport_distance");
    const give = flags.join(", or ");
    throw new UserError(`model is missing, expected the folder of one for ${needy.join(", ")}: give ${give}`);
  }
  if (signals.includes("reward_gap") && referenceModel === undefined) {
    throw new UserError(
      "reference model is missing, expected the one that the model was trained from, for reward_gap: give --reference-model",
    );
  }
}

/** Fills in the signals of texts and images, and the key of each pair that models can be asked about. */
async function measureContent(
  request: ScoreFileRequest,
  measured: readonly MeasuredSignals[],
  keys: (string | null)[],
): Promise<Pick<ScoredFile, "incomplete" | "unreadable" | "rejectedTrue" | "unknownWords">> {
  const { pairs, signals, model, imageEncoder, patchEncoder, signal, onProgress } = request;
  const wordnet = new WordNet();
  const looks = [model, imageEncoder, patchEncoder].some((folder) => folder !== undefined);
  const rejectedTrue = { true: 0, false: 0, unknown: 0 };
  const unreadable: UnreadablePair[] = [];
  const countWords = model === undefined ? null : await unknownWordCounter(model);
  const counted = { words: 0, unknown: 0 };
  let at = 0;
  let incomplete = 0;
  for await (const batch of inBatches(streamPairRows(pairs, [], "any"), BATCH_ROWS)) {
    signal?.throwIfAborted();
    await Promise.all(
      batch.map(async (row, index) => {
        const found = measured[at + index] as MeasuredSignals;
        if (isComplete(row))
          rejectedTrue[row.rejectedTrue === null ? "unknown" : row.rejectedTrue ? "true" : "false"] += 1;
        else incomplete += 1;
        for (const text of [row.prompt, row.chosen, row.rejected ?? ""]) {
          const { words = 0, unknown = 0 } = countWords?.(text) ?? {};
          counted.words += words;
          counted.unknown += unknown;
        }
        if (signals.includes("word_proximity") && row.chosenWord !== null && row.rejectedWord !== null) {
          const proximity = wordnet.proximity(row.chosenWord, row.rejectedWord);
          if (proximity !== undefined) found.word_proximity = proximity;
        }
        if (signals.includes("edit_distance") && row.rejected !== null) {
          found.edit_distance = wordEditDistance(row.chosen, row.rejected);
        }
        const { images, rejectedImages } = row;
        if ((!looks && !signals.includes("image_difference")) || rejectedImages === null) return;
        try {
          const differences = await Promise.all(
            images.map((image, place) => imageDifference(image, rejectedImages[place] as Uint8Array)),
          );
          if (signals.includes("image_difference")) found.image_difference = mean(differences) as number;
          if (isComplete(row)) keys[at + index] = contentKey(row);
        } catch (error) {
          const reason = (error as Error).message.replaceAll(/\s+/g, " ");
          unreadable.push({ row: at + index, id: row.id, reason });
        }
      }),
    );
    at += batch.length;
    onProgress?.("texts and pictures", at, measured.length);
  }
  unreadable.sort((one, two) => one.row - two.row);
  return { incomplete, unreadable, rejectedTrue, unknownWords: countWords === null ? null : counted };
}

type GivenSignal = (typeof FROM_MODEL)[number];

/** Which signals encoders give, and which the model. */
function sources({ signals, imageEncoder, patchEncoder }: ScoreFileRequest): {
  byEncoders: GivenSignal[];
  byModel: GivenSignal[];
} {
  const encoders: Partial<Record<GivenSignal, string | undefined>> = {
    image_similarity: imageEncoder,
    transport_distance: patchEncoder,
  };
  const wanted = FROM_MODEL.filter((name) => signals.includes(name));
  return {
    byEncoders: wanted.filter((name) => encoders[name] !== undefined),
    byModel: wanted.filter((name) => encoders[name] === undefined),
  };
}

/** Fills in what models and encoders give. */
async function measureByModels(
  request: ScoreFileRequest,
  measured: readonly MeasuredSignals[],
  keys: readonly (string | null)[],
): Promise<Pick<ScoredFile, "asked" | "known" | "errors">> {
  const { pairs, out, model, referenceModel, signals, batchSize = 16, trainer, signal, onProgress } = request;
  const { modelErrors = false } = request;
  const { byEncoders, byModel } = sources(request);
  const gap = signals.includes("reward_gap");
  const common = { pairs, keys, batchSize, cache: cacheFolder(out), trainer, signal };
  const counts = { asked: 0, known: 0, errors: [] as ScoredFile["errors"] };
  const ask = async (
    who: string,
    question: Pick<ModelQuestion, "model" | "signals" | "imageEncoder" | "patchEncoder">,
  ) => {
    const onAnswer = (done: number, total: number): void => onProgress?.(`pairs by the ${who}`, done, total);
    const { found, asked, known } = await askModel({ ...common, ...question, onProgress: onAnswer });
    counts.asked += asked;
    counts.known += known;
    return found;
  };
  const fillIn = (names: readonly GivenSignal[], found: ModelAnswers["found"]): void => {
    for (const [row, answer] of found.entries()) {
      for (const name of names) {
        if (answer?.[name] !== undefined) (measured[row] as MeasuredSignals)[name] = answer[name];
      }
    }
  };
  if (byEncoders.length > 0) {
    const { imageEncoder, patchEncoder } = request;
    fillIn(byEncoders, await ask("encoders", { signals: byEncoders, imageEncoder, patchEncoder }));
  }
  const wanted = [...byModel, ...(gap ? (["margin"] as const) : []), ...(modelErrors ? PAIR_ERRORS : [])];
  if (model === undefined || wanted.length === 0) return counts;
  const policy = await ask("model", { model, signals: wanted });
  fillIn(byModel, policy);
  if (modelErrors) counts.errors = policy.map((answer) => answer as PairError | undefined);
  if (!gap || referenceModel === undefined) return counts;
  const reference = await ask("reference model", { model: referenceModel, signals: ["margin"] });
  for (const [row, found] of policy.entries()) {
    const [after, before] = [found?.margin, reference[row]?.margin];
    if (after === undefined || before === undefined) continue;
    (measured[row] as MeasuredSignals).reward_gap = REWARD_GAP_BETA * (after - before);
  }
  return counts;
}
