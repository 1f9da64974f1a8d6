import { CHART_STYLE, DARK, LIGHT, resolveStyle } from "./charts/colours.js";
import type { LinePoint } from "./charts/line-chart.js";
import { timelineImage, type TimelineRow } from "./charts/timeline-chart.js";
import { Markup, markup } from "./markup.js";

/** A figure of every step, as the run recorded it and as it would have been. */
export interface SimulationChart {
  /** For people: "kl-bound on runs/demo". */
  readonly title: string;
  readonly rows: readonly { readonly label: string; readonly values: readonly { step: number; value: number }[] }[];
  readonly stages: readonly { readonly name: string; readonly steps: number }[];
  /** Moves of the reference. */
  readonly moves: readonly { readonly step: number; readonly reason: string }[];
}

const WIDTH = 1080;
const HEAD = 40;
const COLOURS = ["blue", "green", "orange", "purple"] as const;

/** Draws what policies would have done as an SVG file of its own, for light and dark surroundings. */
export function renderSimulationSvg({ title, rows, stages, moves }: SimulationChart): string {
  let from = 0;
  const bands = stages.map(({ name, steps }) => ({ name, from, to: (from += steps) }));
  const drawn = rows.map(({ label, values }, at): TimelineRow => ({
    label,
    colour: COLOURS[at % COLOURS.length] as (typeof COLOURS)[number],
    height: 110,
    segments: bands.map((band) => points(values.filter(({ step }) => step > band.from && step <= band.to))),
  }));
  const marks = moves.map(({ step, reason }) => ({ x: step, name: `step ${step}: ${reason}` }));
  const chart = { title, xLabel: "optimiser step", rows: drawn, bands, marks, markLabel: "reference moves" };
  const timeline = timelineImage(chart, WIDTH);
  const style = CHART_STYLE + ".sheet{fill:var(--paper)}";
  const themes = `${resolveStyle(style, LIGHT)}@media (prefers-color-scheme:dark){${resolveStyle(style, DARK)}}`;
  const height = timeline.height + HEAD;
  const legend = moves.length === 0 ? "no move of the reference" : "triangles: the reference moves";
  const svg = markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img"><title>${title}</title><style>${new Markup(themes)}</style><rect class="sheet" width="${WIDTH}" height="${height}" rx="8"/><text class="strong" x="20" y="26">${title}</text><text x="${WIDTH - 20}" y="26" text-anchor="end">${legend}</text><svg y="${HEAD}" width="${WIDTH}" height="${timeline.height}">${timeline.content}</svg></svg>`;
  return `${svg.text}\n`;
}

function points(values: readonly { step: number; value: number }[]): LinePoint[] {
  return values.filter(({ value }) => Number.isFinite(value)).map(({ step, value }) => ({ x: step, y: value }));
}
