import { UserError } from "../../errors.js";
import type { TruthSource } from "../contrast-pair.js";
import { pairFault } from "../pair-faults.js";
import { PAIR_COLUMNS } from "../pair-row.js";
import { type Row, streamTable } from "../table.js";
import { type BlindGuess, guessBlind } from "./blind-guess.js";
import type { RowFinding } from "./findings-file.js";
import { type Finding, Findings, ROW_CHECKS, type RowCheck } from "./findings.js";
import { contentDigest, HashList } from "./hash-list.js";
import { lookAt, type Looked } from "./images.js";
import { inBatches, type Seen, tellLeaks, tellRepeats } from "./repeats.js";
import { type TextBias, TextBiasTally, wilsonInterval } from "./text-bias.js";
import { percent, TELLING_ACCURACY, tellWhole } from "./whole-file.js";
import { changedFacts } from "./changed-facts.js";
import { wordsOf } from "./word-difference.js";

/** How a file is checked. */
export interface CheckOptions {
  /** Pairs files, or files with an `image` or `images` column, whose images must not be in this one. */
  readonly against?: readonly string[];
  /** Images with a shorter side are small (default 32 pixels). */
  readonly smallestSide?: number;
  /** Bits of 64 in which the hashes of near-duplicates may differ (default 5). */
  readonly hashDistance?: number;
  /** Tokens that the model's context holds; pairs whose `tokens` column has more are findings (default: not checked). */
  readonly context?: number;
  readonly signal?: AbortSignal;
  /** Hears of every finding about a row. */
  readonly onFinding?: (finding: RowFinding) => void;
  /** Told of the rows read so far. */
  readonly onProgress?: (rows: number) => void;
}

/** What a check found. */
export interface CheckReport {
  readonly file: string;
  readonly rows: number;
  /** Rows that lack nothing. */
  readonly complete: number;
  /** Rows by kind and by stage; "" where the column is empty. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly stages: Readonly<Record<string, number>>;
  /** Rows with a contrast image, by whether rejected is true of it and who says so: "true (annotation)", "unknown". */
  readonly rejectedTrue: Readonly<Record<string, number>>;
  readonly textBias: TextBias;
  readonly blindGuess: BlindGuess;
  /** Share of pairs whose chosen is likelier than rejected without the image (column `blind_margin`); null: unknown. */
  readonly blindModel: {
    readonly pairs: number;
    readonly share: number;
    readonly interval: readonly [number, number];
  } | null;
  readonly findings: readonly Finding[];
}

/** Rows whose images are decoded at a time. */
const batchRows = 64;

/**
 * Checks a pairs file for what spoils training: row by row, in memory that grows by some dozens of bytes a row.
 *
 * @param path - Pairs file; incomplete pairs are checked as far as they go.
 * @throws UserError when the file cannot be read as a pairs file.
 */
export async function checkPairs(path: string, options: CheckOptions = {}): Promise<CheckReport> {
  const { smallestSide = 32, hashDistance = 5, context, signal, onFinding, onProgress } = options;
  const findings = new Findings((check, example) => onFinding?.({ ...example, check, severity: ROW_CHECKS[check][0] }));
  const bias = new TextBiasTally();
  const kinds = new Map<string, number>();
  const stages = new Map<string, number>();
  const truths = new Map<string, number>();
  const texts: { chosen: string; rejected: string }[] = [];
  const seen: Seen = {
    ids: new HashList(),
    rows: new HashList(),
    hashes: new HashList(),
    files: new HashList(),
    rowOf: [],
    names: [],
  };
  let [rows, complete, blind, blindRight] = [0, 0, 0, 0];
  for await (const batch of inBatches(streamTable(path, PAIR_COLUMNS), batchRows)) {
    signal?.throwIfAborted();
    const images = await Promise.all(batch.map((row) => lookAt(row, smallestSide)));
    for (const [at, row] of batch.entries()) {
      const number = rows + at;
      const id = (row["id"] as string | null) ?? `row-${number}`;
      const tell = (check: RowCheck, text: string) => findings.row(check, { row: number, id, text });
      const image = images[at] as Looked;
      for (const fault of image.faults) tell("picture", fault);
      for (const small of image.small) tell("small-picture", small);
      if (image.same)
        tell("same-picture", image.images.length > 1 ? "images = rejected_images" : "images[0] = rejected_images[0]");
      const text = textsOf(row);
      for (const problem of textProblems(row, text)) tell(...problem);
      count(kinds, text.kind ?? "");
      count(stages, row["stage"] === null ? "" : String(row["stage"]));
      if (text.rejected !== null && text.rejected !== text.chosen) {
        bias.add({ prompt: text.prompt, chosen: text.chosen, rejected: text.rejected });
        texts.push({ chosen: text.chosen, rejected: text.rejected });
        if (row["rejected_images"] !== null) complete += 1;
      }
      if (row["rejected_images"] !== null) count(truths, truthOf(row));
      if (row["rejected_true"] === false)
        tell("contrast-false", `"${text.rejected ?? ""}" by ${String(row["rejected_true_by"] ?? "nobody named")}`);
      const margin = row["blind_margin"] as number | null;
      if (margin !== null) {
        blind += 1;
        blindRight += margin > 0 ? 1 : margin < 0 ? 0 : 0.5;
      }
      const tokens = row["tokens"] as number | null;
      if (context !== undefined && tokens !== null && tokens > context) {
        tell("context", `${tokens} tokens, ${context} in the context`);
      }
      seen.ids.push(contentDigest(id));
      seen.rows.push(
        contentDigest(...image.images, ...image.rejectedImages, text.prompt, text.chosen, text.rejected ?? ""),
      );
      for (const [index, file] of image.images.entries()) {
        seen.hashes.push(image.hashes[index] as bigint);
        seen.files.push(contentDigest(file));
        seen.rowOf.push(number);
      }
      seen.names.push(id);
    }
    rows += batch.length;
    onProgress?.(rows);
  }
  if (rows === 0) throw new UserError(`${path} holds no pairs; expected at least one row: add pairs`);
  tellRepeats(seen, findings, hashDistance);
  for (const other of options.against ?? []) await tellLeaks(other, seen, findings, hashDistance, signal);
  const blindGuess = guessBlind(texts);
  tellWhole(findings, { textBias: bias.result(), blindGuess, kinds, stages, rows });
  const blindInterval = wilsonInterval(blindRight, blind);
  if (blindInterval !== null && blindInterval[0] > TELLING_ACCURACY) {
    findings.whole(
      "blind-model",
      `without the picture the model prefers chosen in ${percent(blindRight / blind)} of ${blind} pairs: the answer can ` +
        "be read off the texts, so training need not look at pictures",
    );
  }
  return {
    file: path,
    rows,
    complete,
    kinds: sortedByName(kinds),
    stages: sortedByName(stages),
    rejectedTrue: sortedByName(truths),
    textBias: bias.result(),
    blindGuess,
    blindModel: blindInterval === null ? null : { pairs: blind, share: blindRight / blind, interval: blindInterval },
    findings: findings.list(),
  };
}

interface Texts {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string | null;
  readonly kind: string | null;
}

function textsOf(row: Row): Texts {
  return {
    prompt: row["prompt"] as string,
    chosen: row["chosen"] as string,
    rejected: row["rejected"] as string | null,
    kind: row["kind"] as string | null,
  };
}

function* textProblems(row: Row, { prompt, chosen, rejected }: Texts): Generator<[check: RowCheck, text: string]> {
  const [difficulty, stage] = [row["difficulty"] as number | null, row["stage"] as number | null];
  const rejectedTrueBy = row["rejected_true_by"] as TruthSource | null;
  const fault = pairFault({ prompt, chosen, rejected, rejectedTrueBy, difficulty, stage });
  if (fault !== null) {
    yield ["texts", `${fault.field} ${fault.found}`];
    return;
  }
  if (rejected === null) return;
  for (const [column, text] of [
    ["chosen_word", chosen],
    ["rejected_word", rejected],
  ] as const) {
    const word = row[column] as string | null;
    if (word !== null && !containsWords(text, word)) yield ["words", `${column} "${word}" is not in "${text}"`];
  }
  const facts = changedFacts(chosen, rejected);
  if (facts === 0) yield ["no-word", `"${chosen}" / "${rejected}"`];
  if (facts > 1) yield ["facts", `${facts} places: "${chosen}" / "${rejected}"`];
}

function containsWords(text: string, words: string): boolean {
  const wanted = wordsOf(words);
  return wanted.length === 0 || ` ${wordsOf(text).join(" ")} `.includes(` ${wanted.join(" ")} `);
}

function truthOf(row: Row): string {
  const [truth, by] = [row["rejected_true"] as boolean | null, row["rejected_true_by"] as string | null];
  return truth === null ? "unknown" : `${String(truth)}${by === null ? "" : ` (${by})`}`;
}

function count(counts: Map<string, number>, value: string): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}

function sortedByName(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
