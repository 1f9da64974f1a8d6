import { readFile } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../errors.js";
import { QUESTION_KINDS } from "../scenes/questions.js";
import { writeAtomically } from "../files/write-atomically.js";
import type { SceneComparison } from "./scene-comparison.js";
import { FIGURES, type SceneFigures, type SceneScores } from "./scene-scores.js";

/** Scores after one stage of a method. */
export interface StageResult {
  /** Method that was trained, for example "scpo". */
  method: string;
  /** Name of the stage, for example "easy". */
  name: string;
  /** 0 for the first. */
  stage: number;
  /** Scenes that were scored; early stages may be scored on fewer than the last. */
  split: "validation" | "test";
  scores: SceneScores;
}

/** A study as `result.json` holds it; every figure is a share 0..1. */
export interface StudyResult {
  seed: number;
  threads: number;
  test_scenes: number;
  pairs: number;
  /** By the model's name: base, sft, dpo, scpo. */
  models: Record<string, SceneScores>;
  /** By the name of what was changed. */
  ablations: Record<string, SceneScores>;
  stages: StageResult[];
  /** Paired comparisons with the base model, by the other model's name. */
  comparisons?: Record<string, SceneComparison> | undefined;
  /** Wall time of each part, by its name. */
  seconds: Record<string, number>;
}

const share = z.number().nullable();
const interval = z.tuple([z.number(), z.number()]).nullable();

function figures<Value>(value: z.ZodType<Value>): z.ZodType<SceneFigures<Value>> {
  return z.object({
    chair_s: value,
    chair_i: value,
    cover: value,
    hal: value,
    yes_no: z.object({ accuracy: value, f1: value, yes_ratio: value }),
  });
}

const KIND = z.object({ questions: z.int().positive(), accuracy: z.number(), interval });
const FLUENCY = z.object({ captions: z.int(), foreign: z.int(), repeating: z.int(), words: z.int() });
const SCORES: z.ZodType<SceneScores> = z.intersection(
  figures(share),
  z.object({
    interval: figures(interval),
    by_kind: z.partialRecord(z.enum(QUESTION_KINDS), KIND).optional(),
    fluency: FLUENCY.optional(),
  }),
);

const FIGURE_COMPARISON = z.object({
  base: share,
  other: share,
  difference: share,
  difference_interval: interval,
  relative_reduction: share,
  relative_reduction_interval: interval,
});

const RESULT: z.ZodType<StudyResult> = z.object({
  seed: z.number(),
  threads: z.number(),
  test_scenes: z.number(),
  pairs: z.number(),
  models: z.record(z.string(), SCORES),
  ablations: z.record(z.string(), SCORES),
  stages: z.array(
    z.object({
      method: z.string(),
      name: z.string(),
      stage: z.number(),
      split: z.enum(["validation", "test"]),
      scores: SCORES,
    }),
  ),
  comparisons: z.record(z.string(), z.record(z.enum(FIGURES), FIGURE_COMPARISON)).optional(),
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
