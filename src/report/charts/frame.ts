import { short } from "../format.js";
import { type Markup, markup } from "../markup.js";
import type { Scale } from "./scale.js";

/** The data area of a chart inside its image, in pixels. */
export interface Plot {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A stretch of the x axis with a name. */
export interface Band {
  from: number;
  to: number;
  name: string;
}

/** An axis: what it shows, with its unit, and how its ticks are written. */
export interface Axis {
  label: string;
  scale: Scale;
  format?: (value: number) => string;
}

/** Size of a chart that takes a column of the page. */
export const COLUMN_WIDTH = 460;

/** Draws grid, ticks and labels of both axes. */
export function axes(plot: Plot, x: Axis, y: Axis): Markup {
  const middleY = (plot.top + plot.bottom) / 2;
  return markup`${y.scale.ticks.map((tick) => {
    const at = y.scale.at(tick);
    return markup`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/><text x="${plot.left - 6}" y="${at + 4}" text-anchor="end">${(y.format ?? short)(tick)}</text>`;
  })}${yLabel(y.label, middleY)}${bottomAxis(plot, x)}`;
}

/** Draws line, ticks and label of the x axis. */
export function bottomAxis(plot: Plot, x: Axis): Markup {
  return markup`<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>${x.scale.ticks.map(
    (tick) => {
      const at = x.scale.at(tick);
      return markup`<line class="axis" x1="${at}" x2="${at}" y1="${plot.bottom}" y2="${plot.bottom + 4}"/><text x="${at}" y="${plot.bottom + 17}" text-anchor="middle">${(x.format ?? short)(tick)}</text>`;
    },
  )}<text class="ink" x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 35}" text-anchor="middle">${x.label}</text>`;
}

/** Writes the y axis' label along the left edge. */
export function yLabel(label: string, middle: number): Markup {
  return markup`<text class="ink" transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${label}</text>`;
}

/** Draws named bands behind the data, every other one shaded; names are above the plot. */
export function bands(plot: Plot, x: Scale, stretches: readonly Band[]): Markup {
  return markup`${stretches.map(({ from, to, name }, index) => {
    const [start, end] = [x.at(from), x.at(to)];
    const shade = markup`<rect class="stage-band" x="${start}" y="${plot.top}" width="${Math.max(0, end - start)}" height="${plot.bottom - plot.top}"/>`;
    const edge = markup`<line class="grid" x1="${start}" x2="${start}" y1="${plot.top}" y2="${plot.bottom}"/>`;
    return markup`${index % 2 === 0 ? shade : edge}<text x="${(start + end) / 2}" y="${plot.top - 7}" text-anchor="middle">${name}</text>`;
  })}`;
}
