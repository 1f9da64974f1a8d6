import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { PACKAGE_ROOT } from "../package-root.js";
import { writeAtomically } from "../files/write-atomically.js";

const recipeSchema = z.strictObject({
  /** Contrast quadruples of a training set. */
  pairs: z.int().positive(),
  /** Share of the quadruples that are phrased as yes/no questions; the others are statements. */
  question_rate: z.number().min(0).max(1),
  /** Times that each pair is seen. */
  epochs: z.int().positive(),
  /** Quadruples of one optimiser step. */
  batch_size: z.int().positive(),
  /** Share of a stage's steps that warm the learning rate up. */
  warmup_share: z.number().min(0).max(1),
  weight_decay: z.number().min(0),
  max_grad_norm: z.number().positive(),
  /** Parameters whose names start with one of these stay as they are. */
  frozen_prefixes: z.array(z.string()),
  /** Threads of each trainer. */
  threads: z.int().positive(),
  /** Peak learning rate of each searched method. */
  learning_rates: z.record(z.string(), z.number().positive()),
});

/** Settings that the study found and that the demonstration uses. */
export type Recipe = z.infer<typeof recipeSchema>;

/** Where the recipe of the embedded default lies. */
const RECIPE_PATH = join(PACKAGE_ROOT, "recipes", "demo.json");

/**
 * Reads a recipe.
 *
 * @throws UserError when the file is missing or a field is wrong, naming file and field.
 */
export async function readRecipe(path: string = RECIPE_PATH): Promise<Recipe> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new UserError(`${path}: cannot be read as a recipe: ${(error as Error).message}. Run: npm run study`);
  }
  const parsed = recipeSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new UserError(`${path}: ${wrong}`);
}

/** Writes a recipe. */
export async function writeRecipe(recipe: Recipe, path: string = RECIPE_PATH): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(recipe, null, 2)}\n`);
}

/** The peak learning rate of a method; an error when the recipe has none. */
export function learningRateOf(recipe: Recipe, method: string): number {
  const rate = recipe.learning_rates[method];
  if (rate === undefined) throw new UserError(`recipe: learning_rates.${method} is missing. Run: npm run study`);
  return rate;
}
