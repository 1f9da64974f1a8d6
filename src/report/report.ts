import { writeAtomically } from "../write-atomically.js";
import { Markup, markup } from "./markup.js";
import type { ReportData } from "./report-data.js";
import { difficultySection } from "./sections/difficulty.js";
import { examplesSection } from "./sections/examples.js";
import { headlineSection } from "./sections/headline.js";
import { pairsSection } from "./sections/pairs.js";
import { provenanceSection } from "./sections/provenance.js";
import { tradeOffSection } from "./sections/trade-off.js";
import { trainingSection } from "./sections/training.js";
import { STYLE } from "./style.js";

/** Forbids the page every load from elsewhere. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/**
 * Renders the page of a study: one HTML file that needs nothing else.
 *
 * @param data - Everything that the page shows.
 * @returns The file's content.
 */
export function renderReport(data: ReportData): string {
  const sections: [id: string, title: string, content: Markup | null][] = [
    ["examples", "Before and after", examplesSection(data)],
    ["trade-off", "Hallucination and coverage", tradeOffSection(data)],
    ["training", "How training went", trainingSection(data)],
    ["difficulty", "Does difficulty foretell errors?", difficultySection(data)],
    ["pairs", "Pairs with the worst margins", data.worstPairs.length === 0 ? null : pairsSection(data)],
    ["provenance", "How it was made", provenanceSection(data)],
  ];
  const shown = sections.filter(([, , content]) => content !== null);
  const page = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${data.title}</title>
<style>${new Markup(STYLE)}</style></head>
<body><header><h1>${data.title}</h1><nav>${shown.map(([id, title]) => markup`<a href="#${id}">${title}</a>`)}</nav></header>
<main>${headlineSection(data)}
${shown.map(
  ([id, title, content]) => markup`<section id="${id}"><h2>${title}</h2>${content}</section>
`,
)}</main><footer></footer></body></html>
`;
  return page.text;
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
