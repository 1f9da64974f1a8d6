import { writeAtomically } from "../files/write-atomically.js";
import { page } from "./page.js";
import type { ReportData } from "./report-data.js";
import { difficultySection } from "./sections/difficulty.js";
import { examplesSection } from "./sections/examples.js";
import { headlineSection } from "./sections/headline.js";
import { pairsSection } from "./sections/pairs.js";
import { provenanceSection } from "./sections/provenance.js";
import { tradeOffSection } from "./sections/trade-off.js";
import { trainingSection } from "./sections/training.js";

/**
 * Renders the page of a study: one HTML file that needs nothing else.
 *
 * @param data - Everything that the page shows.
 * @returns The file's content.
 */
export function renderReport(data: ReportData): string {
  return page(data.title, headlineSection(data), [
    ["examples", "Before and after", examplesSection(data)],
    ["trade-off", "Hallucination and coverage", tradeOffSection(data)],
    ["training", "How training went", trainingSection(data)],
    ["difficulty", "Does difficulty predict errors?", difficultySection(data)],
    ["pairs", "Pairs with the worst margins", data.worstPairs.length === 0 ? null : pairsSection(data)],
    ["provenance", "How it was made", provenanceSection(data)],
  ]);
}

/**
 * Writes the page of a study.
 *
 * @param path - The file; its folder must exist.
 * @param data - Everything that the page shows.
 */
export async function writeReport(path: string, data: ReportData): Promise<void> {
  await writeAtomically(path, renderReport(data));
}
