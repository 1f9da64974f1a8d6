import type { StudyResult } from "./study-result.js";
import { barPanel, barPanelHeight } from "./charts/bar-panel.js";
import { CHART_STYLE, DARK, LIGHT, resolveStyle } from "./charts/colours.js";
import { headlineBars, HEADLINE_PANELS } from "./headline-bars.js";
import { Markup, markup } from "./markup.js";
import { BAR_STYLE } from "./style.js";

const PANEL = 400;
const GAP = 40;
const EDGE = 20;

/**
 * Draws the headline comparison as an SVG file of its own, for light and dark surroundings: hallucination beside
 * coverage, with 95 % intervals.
 *
 * @param result - Which models to draw, and on how many scenes they were scored.
 * @param labels - Names of the models for people; a missing one is the key.
 * @param whiskers - What the intervals are.
 * @returns The file's content.
 */
export function renderHeadlineSvg(
  result: Pick<StudyResult, "models" | "test_scenes">,
  labels: Readonly<Record<string, string>> = {},
  whiskers = "95 % bootstrap intervals by scene",
): string {
  const width = 2 * EDGE + 2 * PANEL + GAP;
  const panels = barPanelHeight(Object.keys(result.models).length, true);
  const height = 2 * EDGE + panels + 20;
  const style = CHART_STYLE + BAR_STYLE + ".sheet{fill:var(--paper)}";
  const themes = `${resolveStyle(style, LIGHT)}@media (prefers-color-scheme:dark){${resolveStyle(style, DARK)}}`;
  const content = HEADLINE_PANELS.map(({ figure, title, hint }, at) => {
    const panel = barPanel(headlineBars(result.models, labels, figure), { title, hint, width: PANEL });
    return markup`<g transform="translate(${EDGE + at * (PANEL + GAP)} ${EDGE})">${panel}</g>`;
  });
  const caption = `On ${result.test_scenes} test scenes; whiskers: ${whiskers}.`;
  const svg = markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>Hallucination and coverage by model</title><style>${new Markup(themes)}</style><rect class="sheet" width="${width}" height="${height}" rx="8"/>${content}<text x="${EDGE}" y="${EDGE + panels + 18}">${caption}</text></svg>`;
  return `${svg.text}\n`;
}
