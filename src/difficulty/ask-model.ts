import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { sha256File } from "../files/sha256.js";
import { type ModelSignal, modelSignals } from "./model-signals.js";
import { SignalCache } from "./signal-cache.js";

/** What to ask one model, or only encoders, about the pairs of a file. */
export interface ModelQuestion {
  /** Pairs file. */
  readonly pairs: string;
  /** Key of each row's content, by row; null for a pair that no model can be asked about. */
  readonly keys: readonly (string | null)[];
  /** Folder of the model; left out where encoders give all signals. */
  readonly model?: string | undefined;
  readonly signals: readonly ModelSignal[];
  /** Folders of the encoders that give image_similarity and transport_distance. */
  readonly imageEncoder?: string | undefined;
  readonly patchEncoder?: string | undefined;
  /** Pairs a forward pass, at least 1. */
  readonly batchSize: number;
  /** Folder of what models answered before. */
  readonly cache: string;
  /** Obtains a trainer; not called where the cache has every answer. */
  readonly trainer: () => Promise<Trainer>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a model answered. */
export interface ModelAnswers {
  /** Signals by row; undefined for a pair that it was not asked about. */
  readonly found: readonly (Partial<Record<ModelSignal, number>> | undefined)[];
  /** Pairs that it was asked about now. */
  readonly asked: number;
  /** Pairs whose signals were known before. */
  readonly known: number;
}

/**
 * Obtains signals from a model, or from what it answered before. A batch that lacks an answer is asked as a whole: how
 * pairs are batched can change the last bits of their numbers, and an interrupted scoring has to end with the same file.
 */
export async function askModel(question: ModelQuestion): Promise<ModelAnswers> {
  const { keys, signals, batchSize, onProgress } = question;
  const storedAs = await names(question);
  const of = question.model === undefined ? "encoders" : await modelFolderHash(question.model);
  const cache = await SignalCache.open(join(question.cache, `${of}.jsonl`));
  try {
    const lacks = (key: string): boolean => signals.some((name) => cache.get(key)?.[storedAs(name)] === undefined);
    const complete = keys.flatMap((key, row) => (key === null ? [] : [{ key, row }]));
    const missing: number[] = [];
    for (let start = 0; start < complete.length; start += batchSize) {
      const batch = complete.slice(start, start + batchSize);
      if (batch.some(({ key }) => lacks(key))) missing.push(...batch.map(({ row }) => row));
    }
    const known = complete.length - missing.length;
    onProgress?.(known, complete.length);
    if (missing.length > 0)
      await ask(question, missing, cache, storedAs, (done) => onProgress?.(known + done, complete.length));
    const found = keys.map((key, row) => {
      if (key === null) return undefined;
      return Object.fromEntries(
        signals.map((name) => {
          const value = cache.get(key)?.[storedAs(name)];
          if (value === undefined) throw new Error(`the trainer left row ${row} without ${name}`);
          return [name, value];
        }),
      );
    });
    return { found, asked: missing.length, known };
  } finally {
    await cache.close();
  }
}

/** Under which name a signal is kept: another encoder gives another number. */
async function names({ imageEncoder, patchEncoder }: ModelQuestion): Promise<(name: ModelSignal) => string> {
  const image = imageEncoder === undefined ? "" : `@${await modelFolderHash(imageEncoder)}`;
  const patch = patchEncoder === undefined ? "" : `@${await modelFolderHash(patchEncoder)}`;
  return (name) => `${name}${name === "image_similarity" ? image : name === "transport_distance" ? patch : ""}`;
}

async function ask(
  question: ModelQuestion,
  rows: readonly number[],
  cache: SignalCache,
  storedAs: (name: ModelSignal) => string,
  onProgress: (done: number) => void,
): Promise<void> {
  const { keys, signals, batchSize, signal, imageEncoder, patchEncoder } = question;
  const trainer = await question.trainer();
  const { model } = question;
  const options = signal === undefined ? {} : { signal };
  if (model !== undefined) await trainer.client.loadModel({ path: resolve(model) }, options);
  const path = resolve(question.pairs);
  const scoring = {
    dataset: { path, sha256: await sha256File(path) },
    rows,
    signals,
    batchSize,
    imageEncoder: imageEncoder === undefined ? "" : resolve(imageEncoder),
    patchEncoder: patchEncoder === undefined ? "" : resolve(patchEncoder),
  };
  let done = 0;
  for await (const batch of modelSignals(trainer.client, scoring, signal)) {
    await cache.add(
      batch.map(({ row, signals: found }) => ({
        key: keys[row] as string,
        signals: Object.fromEntries(signals.map((name) => [storedAs(name), found[name] as number])),
      })),
    );
    done += batch.length;
    onProgress(done);
  }
}

const READ = /\.(safetensors|json|jinja|txt|model)$/;

/**
 * A saved model's identity: weights, configuration, tokeniser and processor, regardless of the folder's name.
 *
 * @param folder - Of a saved model.
 * @returns 16 hexadecimal digits.
 */
async function modelFolderHash(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(folder)).filter((name) => READ.test(name)).sort()) {
    hash.update(`${name}\n${await sha256File(join(folder, name))}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
