import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../package-root.js";
import { renderHeadlineSvg } from "../report/headline-svg.js";
import { writeAtomically } from "../files/write-atomically.js";
import { SCENES } from "./data-files.js";
import { METHODS } from "./method.js";
import type { StudyOutcome } from "./study.js";
import { studyTable } from "./study-table.js";

/** Where the documents keep what the study found. */
export const RESULTS_FOLDER = join(PACKAGE_ROOT, "docs", "results");

/**
 * Writes the study into the documents: the table `study.md` and the picture `headline.svg`.
 *
 * @returns The table.
 */
export async function writeStudyDocuments(study: StudyOutcome, folder: string = RESULTS_FOLDER): Promise<string> {
  await mkdir(folder, { recursive: true });
  const table = studyTable(study);
  await writeAtomically(join(folder, "study.md"), table);
  const models = Object.fromEntries(Object.entries(study.methods).map(([name, { together }]) => [name, together]));
  const labels = Object.fromEntries(METHODS.map(({ name, title }) => [name, title]));
  const picture = renderHeadlineSvg({ models: { base: study.base, ...models }, test_scenes: SCENES.test }, labels);
  await writeAtomically(join(folder, "headline.svg"), picture);
  return table;
}
