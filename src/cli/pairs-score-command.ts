import { rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { bootEmbedded } from "../backend/embedded.js";
import type { Trainer } from "../backend/trainer.js";
import { cacheFolder, REWARD_GAP_BETA, type ScoredFile, scoreFile } from "../difficulty/score-file.js";
import { type SignalCorrelations, signalCorrelations } from "../difficulty/signal-correlations.js";
import { SIGNAL_COLUMNS, type SignalColumn } from "../pairs/pair-row.js";
import { presentColumns, openParquet } from "../pairs/parquet-rows.js";
import { showProgress } from "../progress/progress.js";
import { removeLeftovers, temporaryBeside, writeAtomically } from "../files/write-atomically.js";
import { gradingFrom, type GradingOptions } from "./grading-options.js";
import { listOption } from "./option-values.js";
import { modelFolder } from "./model-folder.js";
import { gradedLines } from "./pairs-grade-command.js";

/** What `scpo pairs score` was given. */
export interface PairsScoreOptions extends GradingOptions {
  readonly file: string;
  readonly out: string;
  /** Folder, name on the hub, or "embedded"; so the next three. */
  readonly model?: string;
  readonly referenceModel?: string;
  readonly imageEncoder?: string;
  readonly patchEncoder?: string;
  /** Names with commas. */
  readonly signals?: string;
  readonly batchSize: number;
  readonly threads: number;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** A model that does not know more of the words than this is warned about. */
const SHARE_TOLD = 0.02;

/** What was scored and how; it lies beside the file. */
interface ScoreSummary extends Omit<ScoredFile, "asked" | "known" | "errors" | "signals" | "grading"> {
  readonly choices: Readonly<Record<string, unknown>>;
  /** Pairs that have the signal, for each that any pair has. */
  readonly coverage: Readonly<Record<string, number>>;
  readonly correlations: SignalCorrelations;
}

/** Where the summary of a scoring lies. */
function summaryPath(out: string): string {
  return `${out}.score.json`;
}

/** Measures the signals of a pairs file, grades it, and says how. */
export async function pairsScore(options: PairsScoreOptions): Promise<void> {
  const { file, out, batchSize, json, signal } = options;
  const grading = gradingFrom(options);
  const folders = foldersOf(options);
  const signals = signalsOf(options);
  const progress = showProgress();
  let trainer: Promise<Trainer> | undefined;
  let scored: ScoredFile;
  await removeLeftovers(out);
  const logPath = temporaryBeside(out, "log");
  try {
    const roots = [...new Set([dirname(resolve(file)), ...Object.values(folders)])];
    scored = await scoreFile({
      pairs: file,
      out,
      signals,
      ...folders,
      batchSize,
      ...grading,
      trainer: () => (trainer ??= bootEmbedded({ roots, logPath, threads: options.threads })),
      signal,
      onProgress: (phase, done, total) => progress.update("score", phase, done, total),
    });
  } finally {
    progress.close();
    await (await trainer?.catch(() => undefined))?.stop();
  }
  await rm(logPath, { force: true });
  const { asked, known } = scored;
  const summary = await summaryOf(options, scored, { signals, folders });
  await writeAtomically(summaryPath(out), `${JSON.stringify(summary, null, 2)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ ...summary, asked, known }, null, 2)}\n`);
  else process.stdout.write(`${lines(options, scored, summary).join("\n")}\n`);
}

type Folders = Partial<Record<"model" | "referenceModel" | "imageEncoder" | "patchEncoder", string>>;

function foldersOf({ model, referenceModel, imageEncoder, patchEncoder }: PairsScoreOptions): Folders {
  return {
    ...(model === undefined ? {} : { model: modelFolder("--model", model) }),
    ...(referenceModel === undefined ? {} : { referenceModel: modelFolder("--reference-model", referenceModel) }),
    ...(imageEncoder === undefined ? {} : { imageEncoder: modelFolder("--image-encoder", imageEncoder) }),
    ...(patchEncoder === undefined ? {} : { patchEncoder: modelFolder("--patch-encoder", patchEncoder) }),
  };
}

/** What is measured: what the user names, else what the models that are given can tell without a further pass. */
function signalsOf(options: PairsScoreOptions): SignalColumn[] {
  const { signals, model, referenceModel, imageEncoder, patchEncoder } = options;
  if (signals !== undefined) return [...new Set(listOption("--signals", signals, SIGNAL_COLUMNS, (name) => name))];
  return [
    ...(model === undefined ? [] : (["entropy"] as const)),
    ...(model === undefined && imageEncoder === undefined ? [] : (["image_similarity"] as const)),
    ...(model === undefined && patchEncoder === undefined ? [] : (["transport_distance"] as const)),
    "word_proximity",
    ...(model === undefined || referenceModel === undefined ? [] : (["reward_gap"] as const)),
    "edit_distance",
    "image_difference",
  ];
}

async function summaryOf(
  options: PairsScoreOptions,
  scored: ScoredFile,
  { signals, folders }: { signals: readonly SignalColumn[]; folders: Folders },
): Promise<ScoreSummary> {
  const { file, out, batchSize } = options;
  const { signals: used, grading, asked: _asked, known: _known, errors: _errors, ...counts } = scored;
  const names = await presentColumns(await openParquet(out), [...new Set([...SIGNAL_COLUMNS, ...Object.keys(used)])]);
  const { coverage, correlations } = await signalCorrelations(out, names);
  const choices = {
    file,
    ...folders,
    signals,
    ...grading,
    batchSize,
    ...(signals.includes("reward_gap") ? { beta: REWARD_GAP_BETA } : {}),
  };
  return { ...counts, choices, coverage, correlations };
}

function lines(options: PairsScoreOptions, scored: ScoredFile, { coverage, correlations }: ScoreSummary): string[] {
  const { out } = options;
  const text = gradedLines(scored, out);
  if (scored.incomplete > 0) {
    text.push(
      `${scored.incomplete} incomplete pairs: no model was asked about them (scpo pairs complete makes what they lack)`,
    );
  }
  const [first] = scored.unreadable;
  if (first !== undefined) {
    text.push(
      `${scored.unreadable.length} pairs with a picture that cannot be read: no model was asked about them; the first: row ` +
        `${first.row} (${first.id}), ${first.reason} (scpo pairs filter --drop-finding picture leaves them out)`,
    );
  }
  const { model, imageEncoder, patchEncoder, signals } = options;
  if ([model, imageEncoder, patchEncoder, signals].every((each) => each === undefined)) {
    text.push(
      "note: without a model only words and pictures are compared; --model FOLDER adds what a model finds hard (entropy, " +
        "image_similarity, transport_distance), --model embedded for the built-in scenes",
    );
  }
  const { words = 0, unknown = 0 } = scored.unknownWords ?? {};
  if (unknown > SHARE_TOLD * words) {
    text.push(
      `warning: the model does not know ${((100 * unknown) / words).toFixed(1)} % of the words of prompts and texts and cannot ` +
        "tell them apart, so that what it measures says little; name a model that reads any text, such as " +
        "--model llava-hf/llava-1.5-7b-hf",
    );
  }
  const truths = Object.entries(scored.rejectedTrue).map(([truth, count]) => `${truth} ${count}`);
  text.push(`rejected is true of rejected_images: ${truths.join(", ")}`);
  if (scored.asked + scored.known > 0) {
    text.push(`models: ${scored.asked} pairs scored, ${scored.known} from the cache ${cacheFolder(out)}`);
  }
  text.push("signal, pairs that have it, rank correlation with difficulty:");
  for (const [name, count] of Object.entries(coverage)) {
    text.push(`  ${name} ${count} ${correlations["difficulty"]?.[name]?.toFixed(2) ?? "-"}`);
  }
  text.push(`summary: ${summaryPath(out)}`);
  return text;
}
