import { relative } from "node:path";
import { showProgress } from "../progress/progress.js";
import { readRecipe } from "../study/recipe.js";
import { runStudy } from "../study/study.js";
import { RESULTS_FOLDER, writeStudyDocuments } from "../study/study-documents.js";

/** `scpo study`: searches, compares, writes the recipe and the page of the documents. */
export async function study(options: { out: string; workers: number; signal: AbortSignal }): Promise<void> {
  const progress = showProgress();
  try {
    const outcome = await runStudy({ ...options, recipe: await readRecipe(), progress });
    progress.close();
    process.stdout.write(`${await writeStudyDocuments(outcome)}\n`);
    const shown = (path: string) => relative(process.cwd(), path) || path;
    process.stdout.write(`written: ${shown(RESULTS_FOLDER)}, recipes/demo.json, ${shown(options.out)}/study.json\n`);
  } finally {
    progress.close();
  }
}
