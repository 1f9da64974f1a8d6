import { joined, type Markup, markup } from "../markup.js";
import type { Colour } from "./colours.js";
import { figure, legend, image, type Stroke, strokeClass } from "./figure.js";
import { axes, type Band, bands, COLUMN_WIDTH, type Plot } from "./frame.js";
import { linearScale, type Scale } from "./scale.js";

const HEIGHT = 280;
const PLOT: Plot = { left: 72, right: COLUMN_WIDTH - 12, top: 26, bottom: HEIGHT - 44 };

/** A point of a line, with the ends of its band or interval. */
export interface LinePoint {
  x: number;
  y: number;
  low?: number;
  high?: number;
}

/** A line: segments are not joined with one another. */
export interface LineSeries {
  label: string;
  colour: Colour;
  stroke?: Stroke;
  segments: readonly (readonly LinePoint[])[];
  /** "band" shades between low and high, "interval" draws a bar and a dot at each point. @default "none" */
  spread?: "band" | "interval" | "none";
}

/** A line chart. */
export interface LineChart {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly LineSeries[];
  bands?: readonly Band[];
  /** A horizontal line with a name. */
  level?: { y: number; name: string };
  /** Values that the y axis must hold. */
  include?: readonly number[];
  /** Ticks of the x axis with their names, in place of round numbers. */
  xNames?: readonly { x: number; name: string }[];
  yFormat?: (value: number) => string;
  note?: string;
}

/** Draws lines over a common x axis. */
export function lineChart(chart: LineChart): Markup {
  const points = chart.series.flatMap(({ segments }) => segments.flat());
  if (points.length === 0) return figure(chart.title, markup`<p class="note">Nothing was recorded.</p>`);
  const named = chart.xNames ?? [];
  const edges = (chart.bands ?? []).flatMap(({ from, to }) => [from, to]);
  const room =
    named.length > 0 ? [Math.min(...named.map(({ x }) => x)) - 0.25, Math.max(...named.map(({ x }) => x)) + 0.25] : [];
  const x = linearScale([...points.map((point) => point.x), ...edges, ...room], [PLOT.left, PLOT.right], {
    exact: true,
  });
  const y = linearScale(
    [
      ...chart.series.flatMap(({ segments, spread }) =>
        segments.flat().flatMap((point) => (spread === undefined || spread === "none" ? [point.y] : extent(point))),
      ),
      ...(chart.level === undefined ? [] : [chart.level.y]),
      ...(chart.include ?? []),
    ],
    [PLOT.bottom, PLOT.top],
  );
  const xAxis =
    named.length === 0
      ? { label: chart.xLabel, scale: x }
      : {
          label: chart.xLabel,
          scale: { ...x, ticks: named.map((tick) => tick.x) },
          format: (value: number) => named.find((tick) => tick.x === value)?.name ?? "",
        };
  const yAxis = { label: chart.yLabel, scale: y, ...(chart.yFormat === undefined ? {} : { format: chart.yFormat }) };
  const content = markup`${bands(PLOT, x, chart.bands ?? [])}${axes(PLOT, xAxis, yAxis)}${level(chart, y)}${chart.series.map(
    (series) => drawSeries(series, x, y),
  )}`;
  return figure(
    chart.title,
    markup`${legend(chart.series)}${image(COLUMN_WIDTH, HEIGHT, `${chart.title}: ${chart.yLabel} over ${chart.xLabel}`, content)}`,
    chart.note,
  );
}

/** Path of a line through points. */
export function linePath(points: readonly LinePoint[], x: Scale, y: Scale): Markup {
  return joined(points.map((point, at) => markup`${at === 0 ? "M" : "L"}${x.at(point.x)} ${y.at(point.y)}`));
}

function extent({ y, low, high }: LinePoint): number[] {
  return [y, low ?? y, high ?? y];
}

function level(chart: LineChart, y: Scale): Markup | null {
  if (chart.level === undefined) return null;
  const at = y.at(chart.level.y);
  return markup`<line class="mark" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}"/><text class="ink" x="${PLOT.right - 4}" y="${at - 5}" text-anchor="end">${chart.level.name}</text>`;
}

function drawSeries({ colour, stroke, segments, spread, label }: LineSeries, x: Scale, y: Scale): Markup {
  return markup`<g class="${colour}">${segments.map((points) => {
    const line = markup`<path class="${strokeClass(stroke)}" d="${linePath(points, x, y)}"/>`;
    if (spread === "band") return markup`${spreadBand(points, x, y)}${line}`;
    if (spread === "interval") return markup`${line}${points.map((point) => intervalDot(point, label, x, y))}`;
    return points.length === 1 ? joined(points.map((point) => intervalDot(point, label, x, y))) : line;
  })}</g>`;
}

function spreadBand(points: readonly LinePoint[], x: Scale, y: Scale): Markup {
  const upper = points.map(({ x: at, y: value, high }) => ({ x: at, y: high ?? value }));
  const lower = points.map(({ x: at, y: value, low }) => ({ x: at, y: low ?? value })).reverse();
  const back = joined(lower.map((point) => markup`L${x.at(point.x)} ${y.at(point.y)}`));
  return markup`<path class="fill spread" d="${linePath(upper, x, y)}${back}Z"/>`;
}

function intervalDot(point: LinePoint, label: string, x: Scale, y: Scale): Markup {
  const [at, middle] = [x.at(point.x), y.at(point.y)];
  const bar =
    point.low === undefined || point.high === undefined
      ? null
      : markup`<line class="line thin" x1="${at}" x2="${at}" y1="${y.at(point.low)}" y2="${y.at(point.high)}"/>`;
  return markup`${bar}<circle class="fill halo" cx="${at}" cy="${middle}" r="4"><title>${label}</title></circle>`;
}
