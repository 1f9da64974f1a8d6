import type { Interval } from "../../numbers/statistics.js";
import { percentage, percentageInterval } from "../format.js";
import { type Markup, markup } from "../markup.js";
import type { Colour } from "./colours.js";
import { linearScale } from "./scale.js";

/** A bar: a percentage with its interval. */
export interface Bar {
  label: string;
  colour: Colour;
  value: number | null;
  interval: Interval | null;
}

const ROW = 38;
const TITLE = 20;
const HINT = 24;
const FOOT = 26;

/** Height of a panel with that many bars, in pixels. */
export function barPanelHeight(bars: number, hasTitle: boolean): number {
  return headHeight(hasTitle) + bars * ROW + FOOT;
}

function headHeight(hasTitle: boolean): number {
  return HINT + (hasTitle ? TITLE : 0);
}

/**
 * Draws horizontal bars of percentages, each with its interval and its figures.
 *
 * @param bars - Percentages.
 * @param options - `title` if it has one of its own, `hint` (which way is better), `width` in pixels.
 */
export function barPanel(bars: readonly Bar[], options: { title?: string; hint: string; width: number }): Markup {
  const { title, hint, width } = options;
  const scale = linearScale([0, 100], [0, width - 8], { ticks: 4 });
  const head = headHeight(title !== undefined);
  const bottom = head + bars.length * ROW;
  const grid = scale.ticks.map((tick) => {
    const anchor = tick === 0 ? "start" : tick === 100 ? "end" : "middle";
    return markup`<line class="grid" x1="${scale.at(tick)}" x2="${scale.at(tick)}" y1="${head - 6}" y2="${bottom}"/><text x="${scale.at(tick)}" y="${bottom + 15}" text-anchor="${anchor}">${`${tick}${tick === 100 ? " %" : ""}`}</text>`;
  });
  const heading = title === undefined ? null : markup`<text class="strong" x="0" y="12">${title}</text>`;
  return markup`${heading}<text x="0" y="${head - 12}">${hint}</text>${grid}${bars.map((bar, row) =>
    drawBar(bar, head + row * ROW, scale.at),
  )}`;
}

function drawBar({ label, colour, value, interval }: Bar, top: number, at: (value: number) => number): Markup {
  const middle = top + 24;
  const figures = value === null ? percentage(null) : `${percentage(value)} %`;
  const range = interval === null ? "" : `(${percentageInterval(interval)})`;
  const ends = interval === null ? [] : [at(interval[0]), at(interval[1])];
  const whisker =
    ends.length === 0
      ? null
      : markup`<path class="whisker" d="M${ends[0] as number} ${middle}H${ends[1] as number}M${ends[0] as number} ${middle - 4}v8M${ends[1] as number} ${middle - 4}v8"/>`;
  return markup`<g class="${colour}"><text class="ink" x="0" y="${top + 10}">${label}<tspan class="strong" dx="8">${figures}</tspan><tspan class="range" dx="5">${range}</tspan></text><rect class="fill bar" x="0" y="${middle - 8}" width="${value === null ? 0 : at(value)}" height="16" rx="2"/>${whisker}</g>`;
}
