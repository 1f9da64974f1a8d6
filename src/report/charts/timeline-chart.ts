import { short } from "../format.js";
import { joined, type Markup, markup } from "../markup.js";
import type { Colour } from "./colours.js";
import { figure, legend, image } from "./figure.js";
import { type Band, bands, bottomAxis, COLUMN_WIDTH, type Plot, yLabel } from "./frame.js";
import { linePath, type LinePoint } from "./line-chart.js";
import { linearScale, type Scale } from "./scale.js";

const WIDE = 1080;
const HEAD = 44;
const GAP = 26;
const FOOT = 44;

/** One row of a timeline. */
export interface TimelineRow {
  label: string;
  colour: Colour;
  /** Pixels. */
  height: number;
  /** Joined by lines, segment by segment. */
  segments: readonly (readonly LinePoint[])[];
  /** Single values, drawn as faint dots. */
  dots?: readonly LinePoint[];
  /** Values that the y axis must hold. */
  include?: readonly number[];
}

/** Rows over a common axis of optimiser steps. */
export interface TimelineChart {
  title: string;
  xLabel: string;
  rows: readonly TimelineRow[];
  bands: readonly Band[];
  /** Moments to mark through all rows. */
  marks: readonly { x: number; name: string }[];
  /** What the marks are. */
  markLabel: string;
  note?: string;
}

/** Draws a timeline, once for wide pages and once for narrow ones; the style shows the one that fits. */
export function timelineChart(chart: TimelineChart): Markup {
  const marks =
    chart.marks.length === 0
      ? null
      : markup`<p class="legend"><span><svg width="14" height="12" aria-hidden="true"><path class="mark-head" d="M1 1h12l-6 10z"/></svg> ${chart.markLabel}</span></p>`;
  return figure(
    chart.title,
    markup`${legend(chart.rows)}${marks}<div class="wide">${draw(chart, WIDE)}</div><div class="narrow">${draw(chart, COLUMN_WIDTH)}</div>`,
    chart.note,
  );
}

function draw(chart: TimelineChart, width: number): Markup {
  const { content, height } = timelineImage(chart, width);
  const names = chart.rows.map(({ label }) => label).join(", ");
  return image(width, height, `${chart.title}: ${names} over ${chart.xLabel}`, content);
}

/** The rows of a timeline without its title and legends, for images of other kinds. */
export function timelineImage(chart: TimelineChart, width: number): { content: Markup; height: number } {
  const rowsHeight = chart.rows.reduce((sum, row) => sum + row.height + GAP, -GAP);
  const plot: Plot = { left: 74, right: width - 12, top: HEAD, bottom: HEAD + rowsHeight };
  const edges = chart.bands.flatMap(({ from, to }) => [from, to]);
  const x = linearScale(edges, [plot.left, plot.right], { exact: true, ticks: width > COLUMN_WIDTH ? 10 : 5 });
  let top = plot.top;
  const rows = chart.rows.map((row) => {
    const drawn = drawRow(row, x, { ...plot, top, bottom: top + row.height });
    top += row.height + GAP;
    return drawn;
  });
  const marks = chart.marks.map(
    ({ x: moment, name }) =>
      markup`<g><title>${name}</title><line class="mark" x1="${x.at(moment)}" x2="${x.at(moment)}" y1="${plot.top - 18}" y2="${plot.bottom}"/><path class="mark-head" d="M${x.at(moment) - 6} ${plot.top - 24}h12l-6 10z"/></g>`,
  );
  const content = markup`${bands(plot, x, chart.bands)}${rows}${bottomAxis(plot, { label: chart.xLabel, scale: x })}${marks}`;
  return { content, height: plot.bottom + FOOT };
}

function drawRow(row: TimelineRow, x: Scale, plot: Plot): Markup {
  const dots = row.dots ?? [];
  const values = [...row.segments.flat(), ...dots].map(({ y }) => y);
  const y = linearScale([...values, ...(row.include ?? [])], [plot.bottom, plot.top], {
    ticks: row.height > 100 ? 4 : 2,
  });
  const grid = y.ticks.map(
    (tick) =>
      markup`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y.at(tick)}" y2="${y.at(tick)}"/><text x="${plot.left - 6}" y="${y.at(tick) + 4}" text-anchor="end">${short(tick)}</text>`,
  );
  const cloud =
    dots.length === 0
      ? null
      : markup`<path class="line dots" d="${joined(dots.map((dot) => markup`M${x.at(dot.x)} ${y.at(dot.y)}h0`))}"/>`;
  const lines = row.segments.map((points) => markup`<path class="line" d="${linePath(points, x, y)}"/>`);
  return markup`<g class="${row.colour}">${grid}${yLabel(row.label, (plot.top + plot.bottom) / 2)}${cloud}${lines}</g>`;
}
