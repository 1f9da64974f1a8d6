import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { readSuite } from "../evaluation/suite/suite-file.js";
import { runSuite } from "../evaluation/suite/run-suite.js";
import { markdownTable } from "../evaluation/suite/suite-table.js";
import { showProgress } from "../progress/progress.js";
import { modelFolder } from "./model-folder.js";

/** `scpo eval suite`: models on benchmarks, as a file lists them. */
export async function evalSuite(
  file: string,
  { threads = availableParallelism(), signal }: { threads?: number | undefined; signal: AbortSignal },
): Promise<void> {
  const suite = await readSuite(file);
  const progress = showProgress();
  try {
    const table = await runSuite(suite, {
      ...{ threads, signal },
      modelFolder: (text) => modelFolder("model", text),
      onProgress: (model, benchmark, phase, done, total) =>
        progress.update(`${model}, ${benchmark}`, phase, done, total),
    });
    progress.close();
    const folder = relative(process.cwd(), suite.out) || ".";
    process.stdout.write(
      `${markdownTable(table)}\ntables: ${join(folder, "table.md")}, ${join(folder, "table.tex")}\n`,
    );
  } finally {
    progress.close();
  }
}
