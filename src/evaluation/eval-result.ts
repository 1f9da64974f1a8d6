import { dirname } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { makeFolder } from "../files/writable.js";
import { writeAtomically } from "../files/write-atomically.js";
import { readJsonFile, shown } from "../files/rows.js";
import type { Metric, Mode } from "./benchmark.js";
import type { Interval } from "../numbers/statistics.js";

/** A resampled evaluation, from which paired differences follow. */
export interface Bootstrap {
  /** Number of images. */
  images: number;
  /** SHA-256 of the sorted ids of the images, each with a line end. */
  images_sha256: string;
  resamples: number;
  seed: number;
  /** Figures on every resample by the metric's name; the k-th resamples of two results hold the same images. */
  draws: Record<string, (number | null)[]>;
}

/** What `scpo eval score` finds. */
export interface EvalResult {
  /** As the command line names it. */
  benchmark: string;
  /** `strict` reproduces the official script, `fixed` mends its defects. */
  mode: Mode;
  /** Number of scored answers. */
  n: number;
  /** Percentages 0 to 100 unless the benchmark prints something else; null where a denominator is 0. */
  metrics: Record<string, number | null>;
  /** 95 % bootstrap intervals by image. */
  interval: Record<string, Interval | null>;
  /** SHA-256 by file, answers under `answers/`, annotations under `annotations/`. */
  inputs: Record<string, string>;
  /** How it was obtained beyond the mode, for example the lemmatiser or the judge. */
  settings: Record<string, string>;
  /** What the keys of `metrics` mean. */
  about: Metric[];
  /** Hints for the reader. */
  notes: string[];
  /** Absent where the figures did not come image by image. */
  bootstrap?: Bootstrap | undefined;
}

/** Figures with their intervals, for tables and pages. */
export type Scores = Pick<EvalResult, "metrics" | "interval">;

const figure = z.number().nullable();
/** An interval as a result file holds it. */
export const INTERVAL = z.tuple([z.number(), z.number()]).nullable();

/** Scores as a file holds them. */
export const SCORES: z.ZodType<Scores> = z.object({
  metrics: z.record(z.string(), figure),
  interval: z.record(z.string(), INTERVAL),
});

const texts = z.record(z.string(), z.string());

const RESULT: z.ZodType<EvalResult> = z.object({
  benchmark: z.string(),
  mode: z.enum(["strict", "fixed"]),
  n: z.number(),
  metrics: z.record(z.string(), figure),
  interval: z.record(z.string(), INTERVAL),
  inputs: texts,
  settings: texts,
  about: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      better: z.enum(["higher", "lower", "neither"]),
      digits: z.number().int().min(0).max(20),
    }),
  ),
  notes: z.array(z.string()),
  bootstrap: z
    .object({
      images: z.number(),
      images_sha256: z.string(),
      resamples: z.number(),
      seed: z.number(),
      draws: z.record(z.string(), z.array(figure)),
    })
    .optional(),
});

/**
 * Reads a result.
 *
 * @param path - A file that `scpo eval score` wrote.
 * @throws UserError when it cannot be read or is no result, naming the field.
 */
export async function readEvalResult(path: string): Promise<EvalResult> {
  const content = await readJsonFile(path);
  const parsed = RESULT.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const at = issue?.path ?? [];
  const found = at.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], content);
  throw new UserError(
    `${path}: field ${at.join(".") || "(whole file)"} is ${found === undefined ? "missing" : shown(found)}; ` +
      "expected a result of scpo eval score --json",
  );
}

/**
 * Result as JSON: fields on lines of their own, the draws of a metric on one.
 *
 * @param result - What was found.
 * @returns Text with a line end.
 */
export function evalResultJson(result: EvalResult): string {
  const { bootstrap, ...rest } = result;
  const lines = JSON.stringify(rest, null, 2)
    // Intervals on one line.
    .replace(/\[\n\s+(-?[\d.e+-]+),\n\s+(-?[\d.e+-]+)\n\s+\]/g, "[$1, $2]");
  if (bootstrap === undefined) return `${lines}\n`;
  const { draws, ...facts } = bootstrap;
  const rows = Object.entries(draws).map(
    ([name, values]) => `      ${JSON.stringify(name)}: ${JSON.stringify(values)}`,
  );
  const head = Object.entries(facts).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  return `${lines.slice(0, -2)},\n  "bootstrap": {\n${head.join("")}    "draws": {\n${rows.join(",\n")}\n    }\n  }\n}\n`;
}

/**
 * Writes a result.
 *
 * @param path - The file; its folder must exist.
 * @param result - What was found.
 * @throws UserError when it cannot be written.
 */
export async function writeEvalResult(path: string, result: EvalResult): Promise<void> {
  await writeResultFile(path, evalResultJson(result));
}

/**
 * Writes a file that a command was asked for.
 *
 * @param path - The file; its folder is made when missing.
 * @param content - All of it.
 * @throws UserError when it cannot be written.
 */
export async function writeResultFile(path: string, content: string): Promise<void> {
  await makeFolder(dirname(path));
  await writeAtomically(path, content);
}
