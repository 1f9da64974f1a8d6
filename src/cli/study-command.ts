import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../package-root.js";
import { showProgress } from "../study/progress.js";
import { readRecipe } from "../study/recipe.js";
import { runStudy } from "../study/study.js";
import { studyTable } from "../study/study-table.js";
import { writeAtomically } from "../write-atomically.js";

/** `scpo study`: searches, compares, writes the recipe and the page of the documents. */
export async function study(options: { out: string; workers: number; signal: AbortSignal }): Promise<void> {
  const progress = showProgress();
  try {
    const outcome = await runStudy({ ...options, recipe: await readRecipe(), progress });
    progress.close();
    const folder = join(PACKAGE_ROOT, "docs", "results");
    await mkdir(folder, { recursive: true });
    const page = studyTable(outcome);
    await writeAtomically(join(folder, "study.md"), page);
    process.stdout.write(
      `${page}\nwritten: docs/results/study.md, recipes/demo.json, ${join(options.out, "study.json")}\n`,
    );
  } finally {
    progress.close();
  }
}
