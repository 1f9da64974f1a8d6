import { UserError } from "../errors.js";
import { type FileRow, shown } from "../files/rows.js";
import type { Judge } from "./judge.js";
import type { TallySheet, Totals } from "./tally-sheet.js";

/** `strict` reproduces the official script, quirks included; `fixed` mends its defects. */
export type Mode = "strict" | "fixed";

/** Which way a metric improves; `neither` for one that only describes, such as a share of yes. */
export type Better = "higher" | "lower" | "neither";

/** A figure that a benchmark prints. */
export interface Metric {
  /** Key in a result's `metrics`, for example `chair_s`; a category's figure is `category/metric`. */
  name: string;
  /** What it says, in a few words. */
  title: string;
  better: Better;
  /** Digits after the point with which the benchmark prints it. */
  digits: number;
}

/** A file of a benchmark, as its user's checkout holds it. */
export interface BenchmarkFile {
  /** Path within the folder of annotations; "." where the annotations are one file, which is named itself. */
  path: string;
  /** Other paths under which checkouts hold it, tried in order. */
  also?: readonly string[];
  /** What it holds, in a few words. */
  holds: string;
  /** Size in bytes of the revision named in `Source`; absent where revisions differ. */
  bytes?: number;
  /** SHA-256 of that revision, lower-case hex. */
  sha256?: string;
  /** Whether scoring goes on without it. */
  optional?: boolean;
}

/** Where a benchmark's files come from. */
interface Source {
  /** Its paper, for example "arXiv 1809.02156". */
  paper: string;
  /** Where to get the files: a repository or data set page. */
  repository: string;
  /** Commit or revision that the checks in `files` belong to. */
  revision: string;
}

/** An official defect, and what the two modes make of it. */
interface Defect {
  /** What the official script does, in a sentence. */
  official: string;
  /** What fixed mode does instead, in a sentence. */
  fixed: string;
}

/** A question to put to a model, in the benchmark's own words. */
export interface Prompt {
  /** What the answer file calls it. */
  id: string | number;
  /** Path of its image within the folder of images. */
  image: string;
  text: string;
  /** Part of the benchmark that it belongs to, where the same question may stand in several. */
  group?: string;
  /** Row of its image in the annotations' file, for a benchmark with an `imageColumn`; `image` then only tells images apart. */
  row?: number;
}

/** How a model is asked. */
export interface Asking {
  /** Longest answer, in tokens. */
  maxNewTokens: number;
  /** Questions a batch. */
  batchSize: number;
}

/** How a benchmark is asked that does not say otherwise. */
export const ASKING: Asking = { maxNewTokens: 512, batchSize: 16 };

/** What is needed to open a benchmark for scoring. */
export interface OpenOptions {
  /** Folder of annotations: the user's checkout; the file of a benchmark whose only file is ".". */
  annotations: string;
  mode: Mode;
  /** Options of the benchmark's own by name, from the command line; an unknown one is an error. */
  options: Readonly<Record<string, string>>;
  /** For judged benchmarks; see judge.ts. */
  judge?: Judge;
}

/** Scores the answers of one file, row by row. */
export interface Scorer {
  /** Files read from the annotations, as absolute paths; hashed into the result. */
  readonly inputs: readonly string[];
  /** What the result says about how it was obtained beyond the mode, for example the lemmatiser or the judge. */
  readonly settings: Readonly<Record<string, string>>;
  /**
   * Takes one row.
   *
   * @throws UserError naming file, line and field when the row cannot be scored.
   */
  add(row: FileRow): void | Promise<void>;
  /**
   * Called once after the last row.
   *
   * @returns Tallies by image, and how figures follow from their sums.
   * @throws UserError when answers are missing.
   */
  finish(): Scored | Promise<Scored>;
}

/** What a scorer leaves behind: from it follow figures, intervals and paired comparisons. */
export interface Scored {
  /** Counts by image, the unit of resampling. */
  sheet: TallySheet;
  /** Number of scored answers. */
  n: number;
  metrics: readonly Metric[];
  /**
   * Figures from the sums of tallies, percentages 0 to 100 as the benchmark prints them; null where a denominator is 0.
   * Pure; called once for the figures and once for each resample.
   */
  figures(totals: Totals): Record<string, number | null>;
  /** Hints for the person who reads the figures, one line each. */
  notes?: readonly string[];
}

/** A benchmark that `scpo eval` knows. Adding one: its file, its test, a line in registry.ts and one in the docs. */
export interface Benchmark {
  /** What the command line calls it, for example `chair`. */
  name: string;
  /** Its name as published. */
  title: string;
  /** What is measured, in a sentence. */
  measures: string;
  source: Source;
  files: readonly BenchmarkFile[];
  defects: readonly Defect[];
  /** Mode when the user names none: fixed where the official script is defective, else strict. */
  defaultMode: Mode;
  /** How the answer file is written. */
  answers: "jsonl" | "json-array" | "text-folder";
  /** Fields of which its rows have one, to say which question is answered; none where a row is told otherwise. */
  idFields: readonly string[];
  /** Fields of its rows in which the model's words stand; a line of text has them behind its last tab. */
  answerFields: readonly string[];
  /** Options of its own: name and meaning. */
  options: Readonly<Record<string, string>>;
  /** Whether a judge model scores the answers. */
  judged: boolean;
  /** Column of the annotations' Parquet file that holds the images; absent where they lie in a folder of their own. */
  imageColumn?: string;
  /** How it is asked unless the user says otherwise; `ASKING` where absent. */
  asking?: Asking;
  /** Reads the annotations and makes a scorer of them. */
  open(options: OpenOptions): Promise<Scorer>;
  /** The questions for `scpo eval run`, in a fixed order; absent where the benchmark's files do not hold them. */
  prompts?(annotations: string, options?: Readonly<Record<string, string>>): AsyncIterable<Prompt>;
  /** A row of the answer file from a prompt and the model's answer; for a folder of text files `{file, text}`. */
  answerRow?(prompt: Prompt, answer: string): unknown;
}

/**
 * Requires that options are those of a benchmark.
 *
 * @param benchmark - Whose they should be.
 * @param options - By name.
 * @throws UserError naming one that is none.
 */
export function requireOptions(benchmark: Benchmark, options: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(benchmark.options, name)) continue;
    const known = Object.keys(benchmark.options).join(", ") || "none";
    throw new UserError(`option ${shown(name)} is not one of ${benchmark.name} (it has: ${known})`);
  }
}
