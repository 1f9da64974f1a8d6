import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Trainer } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import { inBatches } from "../pairs/checking/repeats.js";
import { PAIR_COLUMNS } from "../pairs/pair-row.js";
import { openParquet } from "../pairs/parquet-rows.js";
import { sha256File } from "../pairs/sha256.js";
import { type Column, type Row, streamTable, writeTable } from "../pairs/table.js";
import { DEFAULT_SIGNALS, type SignalUse } from "./grade.js";
import { type GradedFile, gradeFile, type SignalUses } from "./grade-file.js";
import { imageDifference } from "./image-difference.js";
import { type ModelSignal, modelSignals } from "./model-signals.js";
import { SignalCache } from "./signal-cache.js";
import { wordEditDistance } from "./text-signals.js";
import { WordNet } from "./wordnet.js";

/** Signals that can be measured. */
export const MEASURED = [
  "entropy",
  "image_similarity",
  "transport_distance",
  "word_proximity",
  "reward_gap",
  "edit_distance",
  "image_difference",
  "blind_margin",
  "tokens",
] as const;

/** Name of a signal that can be measured. */
export type MeasuredSignal = (typeof MEASURED)[number];

/** A pairs file to score and to grade. */
export interface ScoreFileRequest {
  readonly pairs: string;
  /** Pairs file to write: the same pairs with signals, difficulty and stage. */
  readonly out: string;
  /** What to measure; what the file holds already stays. */
  readonly signals: readonly MeasuredSignal[];
  /** Folder of the model that gives entropy, margins and tokens, and similarities where no encoder is named. */
  readonly model?: string;
  /** Folder of the model that `model` was trained from; reward_gap is beta times how far their margins are apart. */
  readonly referenceModel?: string;
  /** Of reward_gap. @default 0.1 */
  readonly beta?: number;
  readonly imageEncoder?: string;
  readonly patchEncoder?: string;
  /** Pairs a forward pass; 0 leaves it to the trainer. @default 0 */
  readonly batchSize?: number;
  /** Sign and weight by column. @default the published signals, as far as the file has them */
  readonly uses?: SignalUses;
  /** @default 3 */
  readonly stages?: number;
  /** Share of the hardest pairs that get no stage. @default 0 */
  readonly trim?: number;
  /** Obtains a trainer; called when a model is needed. */
  readonly trainer: () => Promise<Trainer>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: string, done: number, total: number) => void;
}

/** What scoring came to. */
export interface ScoredFile extends GradedFile {
  /** Sign and weight that were used. */
  readonly uses: SignalUses;
  /** Pairs that a model was asked about now, and pairs whose signals were known. */
  readonly asked: number;
  readonly known: number;
}

const fromModel: readonly MeasuredSignal[] = [
  "entropy",
  "image_similarity",
  "transport_distance",
  "blind_margin",
  "tokens",
];
const batchRows = 64;

/** Columns of signals beyond a pairs file's own. */
const EXTRA: readonly Column[] = ["blind_margin", "tokens"].map((name) => ({ name, kind: "double", optional: true }));

/** Where signals that a model gave are kept, so that an interrupted or repeated scoring asks for none twice. */
export function cacheFolder(out: string): string {
  return `${out}.signals`;
}

/**
 * Measures signals of every pair, grades the pairs by them and writes all into a new pairs file. Signals that do not
 * apply to a pair (a model's for an incomplete pair) are missing, not zero. Interrupted at any point and run again, it
 * ends with the same file.
 *
 * @throws UserError when a file, a model or a choice does not serve.
 */
export async function scoreFile(request: ScoreFileRequest): Promise<ScoredFile> {
  check(request);
  const { pairs: path, out, onProgress, signal } = request;
  const opened = await openParquet(path);
  const own = await ownNumbers(path);
  const rows: Record<string, number>[] = Array.from({ length: opened.count }, () => ({}));
  const keys = new Array<string | null>(opened.count).fill(null);
  await measureTexts(request, rows, keys);
  const counts = await measureModels(request, rows, keys);
  const columns: Column[] = [...PAIR_COLUMNS, ...EXTRA, ...own];
  const table = `${out}.table`;
  const graded = `${out}.graded`;
  try {
    onProgress?.("grading", 0, 1);
    const names = await writeSignals(path, table, columns, rows);
    const uses = request.uses ?? usesOf(names);
    const { stages = 3, trim = 0 } = request;
    const options = signal === undefined ? {} : { signal };
    const grades = await gradeFile({ signals: table, out: graded, uses, stages, trim, ...options });
    await writeScored(request, columns, rows, graded);
    onProgress?.("grading", 1, 1);
    return { ...grades, uses, ...counts };
  } finally {
    await rm(table, { force: true });
    await rm(graded, { force: true });
  }
}

function check(request: ScoreFileRequest): void {
  const { signals, model, referenceModel, imageEncoder, patchEncoder, pairs, out } = request;
  if (pairs === out) throw new UserError(`--out: ${out} is the file that is read; write elsewhere`);
  const towers: Partial<Record<MeasuredSignal, string | undefined>> = {
    image_similarity: imageEncoder,
    transport_distance: patchEncoder,
  };
  const needy = signals.filter((name) => fromModel.includes(name) || name === "reward_gap");
  if (needy.length > 0 && model === undefined) {
    const help = needy.every((name) => name in towers) ? " (an encoder alone does not tokenise the texts)" : "";
    throw new UserError(`--model: is missing, expected the folder of a model for ${needy.join(", ")}${help}`);
  }
  if (signals.includes("reward_gap") && referenceModel === undefined) {
    throw new UserError(
      "--reference-model: is missing, expected the model that --model was trained from, for reward_gap",
    );
  }
}

/** Number columns of the user's own. */
async function ownNumbers(path: string): Promise<Column[]> {
  const { metadata } = await openParquet(path);
  const known = new Set([...PAIR_COLUMNS, ...EXTRA].map(({ name }) => name));
  const types = ["DOUBLE", "FLOAT", "INT32", "INT64"];
  return metadata.schema
    .filter(
      ({ name, type, num_children: children }) =>
        !known.has(name) && children === undefined && types.includes(type ?? ""),
    )
    .filter(({ name }) =>
      metadata.row_groups.every((group) =>
        group.columns.some((column) => column.meta_data?.path_in_schema.join(".") === name),
      ),
    )
    .map(({ name }) => ({ name, kind: "double", optional: true }));
}

/** Signals that need no model, and each complete pair's key. */
async function measureTexts(
  request: ScoreFileRequest,
  rows: readonly Record<string, number>[],
  keys: (string | null)[],
): Promise<void> {
  const { pairs: path, signals, signal, onProgress } = request;
  const wordnet = new WordNet();
  let at = 0;
  for await (const batch of inBatches(streamTable(path, PAIR_COLUMNS), batchRows)) {
    signal?.throwIfAborted();
    await Promise.all(
      batch.map(async (row, index) => {
        const measured = rows[at + index] as Record<string, number>;
        const [chosen, rejected] = [row["chosen"] as string, row["rejected"] as string | null];
        const [words, others] = [row["chosen_word"] as string | null, row["rejected_word"] as string | null];
        if (signals.includes("word_proximity") && words !== null && others !== null) {
          const proximity = wordnet.proximity(words, others);
          if (proximity !== undefined) measured["word_proximity"] = proximity;
        }
        if (signals.includes("edit_distance") && rejected !== null) {
          measured["edit_distance"] = wordEditDistance(chosen, rejected);
        }
        const [one, other] = [pictureOf(row, "images"), pictureOf(row, "rejected_images")];
        if (one === null || other === null) return;
        if (signals.includes("image_difference")) {
          measured["image_difference"] = await imageDifference(one, other).catch((error: Error) => {
            throw new UserError(
              `${path}, row ${at + index}: a picture cannot be decoded (${error.message}); see scpo pairs check`,
            );
          });
        }
        if (rejected !== null) keys[at + index] = keyOf(one, other, [row["prompt"] as string, chosen, rejected]);
      }),
    );
    at += batch.length;
    onProgress?.("texts and pictures", at, rows.length);
  }
}

function pictureOf(row: Row, column: string): Uint8Array | null {
  return (row[column] as readonly Uint8Array[] | null)?.[0] ?? null;
}

function keyOf(one: Uint8Array, other: Uint8Array, texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of [one, other, ...texts]) hash.update(`${part.length}:`).update(part);
  return hash.digest("base64url").slice(0, 27);
}

/** Signals that models give, from the cache as far as it has them. */
async function measureModels(
  request: ScoreFileRequest,
  rows: readonly Record<string, number>[],
  keys: readonly (string | null)[],
): Promise<{ asked: number; known: number }> {
  const { model, referenceModel, signals, beta = 0.1 } = request;
  const wanted = fromModel.filter((name) => signals.includes(name)) as ModelSignal[];
  const gap = signals.includes("reward_gap");
  if (model === undefined || (wanted.length === 0 && !gap)) return { asked: 0, known: 0 };
  const own = await ask(request, model, gap ? [...wanted, "margin"] : wanted, keys, "model");
  for (const [row, found] of own.found.entries()) {
    for (const name of wanted)
      if (found?.[name] !== undefined) (rows[row] as Record<string, number>)[name] = found[name];
  }
  if (!gap || referenceModel === undefined) return own.counts;
  const reference = await ask(request, referenceModel, ["margin"], keys, "reference model");
  for (const [row, found] of own.found.entries()) {
    const [policy, before] = [found?.["margin"], reference.found[row]?.["margin"]];
    if (policy !== undefined && before !== undefined) {
      (rows[row] as Record<string, number>)["reward_gap"] = beta * (policy - before);
    }
  }
  return { asked: own.counts.asked + reference.counts.asked, known: own.counts.known + reference.counts.known };
}

async function ask(
  request: ScoreFileRequest,
  model: string,
  signals: readonly ModelSignal[],
  keys: readonly (string | null)[],
  phase: string,
): Promise<{ found: (Readonly<Record<string, number>> | undefined)[]; counts: { asked: number; known: number } }> {
  const { pairs: path, out, signal, onProgress, batchSize = 0, imageEncoder = "", patchEncoder = "" } = request;
  const trainer = await request.trainer();
  const options = signal === undefined ? {} : { signal };
  const { weightsSha256 } = await trainer.client.loadModel({ path: model }, options);
  // An encoder is known by its place: its weights are not hashed.
  const encoders = createHash("sha256")
    .update(JSON.stringify([imageEncoder, patchEncoder]))
    .digest("hex")
    .slice(0, 8);
  const cache = await SignalCache.open(join(cacheFolder(out), `${weightsSha256.slice(0, 16)}-${encoders}.jsonl`));
  try {
    const lacks = (key: string) => signals.some((name) => cache.get(key)?.[name] === undefined);
    const complete = keys.flatMap((key, row) => (key === null ? [] : [{ key, row }]));
    const missing = complete.filter(({ key }) => lacks(key)).map(({ row }) => row);
    onProgress?.(phase, complete.length - missing.length, complete.length);
    if (missing.length > 0) {
      const dataset = { path, sha256: await sha256File(path) };
      const scoring = { dataset, rows: missing, signals, batchSize, imageEncoder, patchEncoder };
      let done = complete.length - missing.length;
      for await (const batch of modelSignals(trainer.client, scoring, signal)) {
        await cache.add(batch.map(({ row, signals: found }) => ({ key: keys[row] as string, signals: found })));
        done += batch.length;
        onProgress?.(phase, done, complete.length);
      }
    }
    const found = keys.map((key) => (key === null ? undefined : cache.get(key)));
    return { found, counts: { asked: missing.length, known: complete.length - missing.length } };
  } finally {
    await cache.close();
  }
}

/** Writes the signals of every pair, measured now or before; gives the names of those that any pair has. */
async function writeSignals(
  path: string,
  out: string,
  columns: readonly Column[],
  rows: readonly Record<string, number>[],
): Promise<string[]> {
  const signals = columns.filter(({ name, kind }) => kind === "double" && name !== "difficulty");
  const present = new Set<string>();
  let at = 0;
  async function* merged(): AsyncGenerator<Row, void, undefined> {
    for await (const before of streamTable(path, signals)) {
      const row: Row = { ...before, ...rows[at] };
      at += 1;
      for (const { name } of signals) if (row[name] !== null && row[name] !== undefined) present.add(name);
      yield row;
    }
  }
  await writeTable(out, signals, merged());
  return [...present];
}

function usesOf(present: readonly string[]): SignalUses {
  const uses = Object.entries(DEFAULT_SIGNALS).filter(([name]) => present.includes(name));
  if (uses.length === 0) {
    throw new UserError(
      "no pair has one of the published signals (entropy, image_similarity, transport_distance, word_proximity): measure " +
        "one, or say with --use which columns count",
    );
  }
  return Object.fromEntries<SignalUse>(uses);
}

async function writeScored(
  request: ScoreFileRequest,
  columns: readonly Column[],
  rows: readonly Record<string, number>[],
  graded: string,
): Promise<void> {
  const grades = streamTable(graded, [
    { name: "difficulty", kind: "double" },
    { name: "stage", kind: "int32", optional: true },
  ]);
  async function* scored(): AsyncGenerator<Row, void, undefined> {
    let at = 0;
    for await (const before of streamTable(request.pairs, columns)) {
      request.signal?.throwIfAborted();
      const grade = (await grades.next()).value as Row;
      yield { ...before, ...rows[at], difficulty: grade["difficulty"] ?? null, stage: grade["stage"] ?? null };
      at += 1;
    }
  }
  await writeTable(request.out, columns, scored());
}
