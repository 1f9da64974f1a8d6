import type { Interval } from "../../numbers/statistics.js";
import { type Markup, markup } from "../markup.js";
import type { Colour } from "./colours.js";
import { figure, legend, type LegendEntry, image } from "./figure.js";
import { axes, COLUMN_WIDTH, type Plot } from "./frame.js";
import { type Box, placeLabels } from "./label-placement.js";
import { linearScale, type Scale } from "./scale.js";

/** Height of a scatter chart; its width is that of a column. */
export const SCATTER_HEIGHT = 340;
const PLOT: Plot = { left: 72, right: COLUMN_WIDTH - 14, top: 14, bottom: SCATTER_HEIGHT - 44 };

/** A point with its intervals. */
export interface ScatterPoint {
  name: string;
  x: number;
  y: number;
  xInterval: Interval | null;
  yInterval: Interval | null;
}

/** Points that belong together, joined in their order. */
export interface ScatterSeries {
  label: string;
  colour: Colour;
  /** Where the line that joins the points begins, if not at the first. */
  start?: { x: number; y: number } | undefined;
  points: readonly ScatterPoint[];
}

/** A scatter chart. */
export interface ScatterChart {
  title: string;
  xLabel: string;
  yLabel: string;
  format: (value: number) => string;
  series: readonly ScatterSeries[];
  note?: string;
}

/** Draws named points with intervals in both directions. */
export function scatterChart(chart: ScatterChart): Markup {
  const points = chart.series.flatMap((series) => series.points);
  if (points.length === 0) return figure(chart.title, markup`<p class="note">Nothing was measured.</p>`);
  return figure(
    chart.title,
    markup`${legend(chart.series.map(legendEntry))}${image(COLUMN_WIDTH, SCATTER_HEIGHT, `${chart.title}: ${chart.yLabel} against ${chart.xLabel}`, scatterContent(chart))}`,
    chart.note,
  );
}

function legendEntry({ label, colour, points, start }: ScatterSeries): LegendEntry {
  return { label, colour, stroke: "dash", points: points.length > 1 || start !== undefined ? "joined" : "alone" };
}

/**
 * Draws axes, points and labels, without title, legend and note.
 *
 * @param chart - With at least one point.
 * @returns Content of an SVG of a column's width and `SCATTER_HEIGHT`.
 */
export function scatterContent(chart: Omit<ScatterChart, "title" | "note">): Markup {
  const points = chart.series.flatMap((series) => series.points);
  const x = linearScale(
    points.flatMap((point) => [point.x, ...(point.xInterval ?? [])]),
    [PLOT.left, PLOT.right],
  );
  const heights = points.flatMap((point) => [point.y, ...(point.yInterval ?? [])]);
  // From zero, unless that would leave most of the chart empty.
  const floor = Math.min(...heights) > Math.max(...heights) / 2 ? [] : [0];
  const y = linearScale([...floor, ...heights], [PLOT.bottom, PLOT.top]);
  const named = points.map((point) => ({ text: point.name, x: x.at(point.x), y: y.at(point.y) }));
  const obstacles = points.flatMap((point) => barBoxes(point, x, y));
  const labels = placeLabels(
    named,
    { left: PLOT.left, right: PLOT.right, top: PLOT.top, bottom: PLOT.bottom },
    obstacles,
  );
  return markup`${axes(PLOT, { label: chart.xLabel, scale: x, format: chart.format }, { label: chart.yLabel, scale: y, format: chart.format })}${chart.series.map((series) => drawSeries(series, x, y))}${labels.map(
    ({ text, x: left, y: base, anchor, leader }) =>
      markup`${leader === undefined ? null : markup`<line class="axis" x1="${leader.from.x}" x2="${leader.to.x}" y1="${leader.from.y}" y2="${leader.to.y}"/>`}<text class="ink" x="${left}" y="${base}" text-anchor="${anchor}">${text}</text>`,
  )}`;
}

function barBoxes(point: ScatterPoint, x: Scale, y: Scale): Box[] {
  const [atX, atY] = [x.at(point.x), y.at(point.y)];
  const boxes: Box[] = [{ left: atX - 6, right: atX + 6, top: atY - 6, bottom: atY + 6 }];
  if (point.xInterval !== null) {
    boxes.push({ left: x.at(point.xInterval[0]), right: x.at(point.xInterval[1]), top: atY - 1, bottom: atY + 1 });
  }
  if (point.yInterval !== null) {
    boxes.push({ left: atX - 1, right: atX + 1, top: y.at(point.yInterval[1]), bottom: y.at(point.yInterval[0]) });
  }
  return boxes;
}

function drawSeries({ colour, points, start }: ScatterSeries, x: Scale, y: Scale): Markup {
  const path = [...(start === undefined ? [] : [start]), ...points].map(
    (point, at) => markup`${at === 0 ? "M" : "L"}${x.at(point.x)} ${y.at(point.y)}`,
  );
  return markup`<g class="${colour}"><path class="line thin dash" d="${path}"/>${points.map((point) => {
    const [atX, atY] = [x.at(point.x), y.at(point.y)];
    const [across, along] = [point.xInterval, point.yInterval];
    return markup`${
      across === null
        ? null
        : markup`<line class="line thin" x1="${x.at(across[0])}" x2="${x.at(across[1])}" y1="${atY}" y2="${atY}"/>`
    }${
      along === null
        ? null
        : markup`<line class="line thin" x1="${atX}" x2="${atX}" y1="${y.at(along[0])}" y2="${y.at(along[1])}"/>`
    }<circle class="fill halo" cx="${atX}" cy="${atY}" r="5.5"><title>${point.name}</title></circle>`;
  })}</g>`;
}
