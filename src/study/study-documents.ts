import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { PACKAGE_ROOT } from "../package-root.js";
import { renderHeadlineSvg } from "../report/headline-svg.js";
import { writeAtomically } from "../files/write-atomically.js";
import { SCENES } from "./data-files.js";
import { METHODS } from "./method.js";
import type { StudyOutcome } from "./study.js";
import { headlineTable, INTERVALS_SHORT, seedsText, studyTable } from "./study-table.js";
import { makeFolder } from "../files/writable.js";

/** Where the documents keep what the study found. */
export const RESULTS_FOLDER = join(PACKAGE_ROOT, "docs", "results");

/** The page whose headline table is the study's. */
const README = join(PACKAGE_ROOT, "README.md");
const BEGIN = "<!-- written by npm run study -->";
const END = "<!-- end of what npm run study writes -->";

/** Puts the study's headline table between the marks of a page. */
export function withHeadlineTable(page: string, table: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new UserError(`README.md: found no place for the study's table; expected ${BEGIN} and, after it, ${END}`);
  }
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`;
}

/**
 * Writes the study into the documents: the table `study.md`, the image `headline.svg` and README's table.
 *
 * @returns The table of `study.md`.
 * @throws UserError when README has no place for the table.
 */
export async function writeStudyDocuments(study: StudyOutcome, folder: string = RESULTS_FOLDER): Promise<string> {
  await makeFolder(folder);
  const table = studyTable(study);
  await writeAtomically(join(folder, "study.md"), table);
  const models = Object.fromEntries(Object.entries(study.methods).map(([name, { together }]) => [name, together]));
  const labels = Object.fromEntries(METHODS.map(({ name, title }) => [name, title]));
  const result = { models: { base: study.base, ...models }, test_scenes: SCENES.test };
  const image = renderHeadlineSvg(result, labels, `${INTERVALS_SHORT}, ${seedsText(study)}`);
  await writeAtomically(join(folder, "headline.svg"), image);
  await writeAtomically(README, withHeadlineTable(await readFile(README, "utf8"), headlineTable(study)));
  return table;
}
