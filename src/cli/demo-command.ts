import { relative } from "node:path";
import { readRecipe } from "../study/recipe.js";
import { runDemo } from "../study/demo.js";
import { showProgress } from "../progress/progress.js";
import { resultTable } from "./result-table.js";

/** `scpo demo`: runs the demonstration, or finds its result, and prints it. */
export async function demo(options: {
  seed: number;
  out: string;
  pairs?: number;
  json: boolean;
  workers: number;
  signal: AbortSignal;
}): Promise<void> {
  const recipe = await readRecipe();
  const progress = showProgress();
  try {
    const outcome = await runDemo({
      ...options,
      recipe: { ...recipe, pairs: options.pairs ?? recipe.pairs },
      progress,
    });
    progress.close();
    if (options.json) {
      process.stdout.write(`${JSON.stringify(outcome.result, null, 2)}\n`);
      return;
    }
    const shown = (path: string) => relative(process.cwd(), path) || path;
    process.stdout.write(`${resultTable(outcome.result)}\n`);
    if (outcome.found) process.stdout.write(`found from an earlier run; --seed or --out runs again\n`);
    process.stdout.write(`result: ${shown(outcome.resultPath)}\npage:   ${shown(outcome.reportPath)}\n`);
  } finally {
    progress.close();
  }
}
