import { readFile } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../errors.js";
import type { Difference } from "../evaluation/compare.js";
import { INTERVAL, SCORES, type Scores } from "../evaluation/eval-result.js";
import { writeAtomically } from "../files/write-atomically.js";

/** Scores after one stage of a method. */
interface StageResult {
  /** Method that was trained, for example "scpo". */
  method: string;
  /** Name of the stage, for example "easy". */
  name: string;
  /** 0 for the first. */
  stage: number;
  scores: Scores;
}

/** What the demonstration found, as `result.json` holds it; figures as the benchmark `scenes` prints them, in percent. */
export interface StudyResult {
  seed: number;
  threads: number;
  test_scenes: number;
  pairs: number;
  /** By the model's name: base, sft, dpo, scpo. */
  models: Record<string, Scores>;
  stages: StageResult[];
  /** Paired comparisons of the base model (a) with the others (b), by the other's name and the figure's. */
  comparisons?: Record<string, Record<string, Difference>> | undefined;
  /** Wall time of each part, by its name. */
  seconds: Record<string, number>;
}

const figure = z.number().nullable();
const DIFFERENCE: z.ZodType<Difference> = z.object({
  a: figure,
  b: figure,
  difference: figure,
  interval: INTERVAL,
  reduction: figure,
  reduction_interval: INTERVAL,
});

const RESULT: z.ZodType<StudyResult> = z.object({
  seed: z.number(),
  threads: z.number(),
  test_scenes: z.number(),
  pairs: z.number(),
  models: z.record(z.string(), SCORES),
  stages: z.array(z.object({ method: z.string(), name: z.string(), stage: z.number(), scores: SCORES })),
  comparisons: z.record(z.string(), z.record(z.string(), DIFFERENCE)).optional(),
  seconds: z.record(z.string(), z.number()),
});

/**
 * Reads a `result.json`.
 *
 * @param path - The file.
 * @throws UserError when the file cannot be read or is no result.
 */
export async function readResult(path: string): Promise<StudyResult> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new UserError(`${path}: cannot be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
  const parsed = RESULT.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(`${path}: field ${issue?.path.join(".") || "(whole file)"}: ${issue?.message ?? "not a result"}`);
}

/**
 * Writes a `result.json`.
 *
 * @param path - The file; its folder must exist.
 * @param result - The study.
 */
export async function writeResult(path: string, result: StudyResult): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(result, null, 2)}\n`);
}
