import { type Markup, markup } from "../markup.js";
import type { Colour } from "./colours.js";

/** How a series is drawn, distinguishable by more than colour. */
export type Stroke = "solid" | "dash" | "dot-dash";

/** An entry of a legend. */
export interface LegendEntry {
  label: string;
  colour: Colour;
  /** @default "solid" */
  stroke?: Stroke | undefined;
  /** Whether points are drawn on the line; of a series that has no line, they are all there is. @default "none" */
  points?: "none" | "joined" | "alone";
}

/** The class names of a stroke. */
export function strokeClass(stroke: Stroke | undefined): string {
  return stroke === undefined || stroke === "solid" ? "line" : `line ${stroke}`;
}

/** A legend that wraps with the page. */
export function legend(entries: readonly LegendEntry[]): Markup {
  return markup`<p class="legend">${entries.map(({ label, colour, stroke, points = "none" }) => {
    const line =
      points === "alone" ? null : markup`<line class="${strokeClass(stroke)}" x1="1" x2="25" y1="5" y2="5"/>`;
    const point = points === "none" ? null : markup`<circle class="fill" cx="13" cy="5" r="4"/>`;
    return markup`<span><svg class="${colour}" width="26" height="10" aria-hidden="true">${line}${point}</svg> ${label}</span>`;
  })}</p>`;
}

/** An SVG image that scales with the page. */
export function image(width: number, height: number, label: string, content: Markup): Markup {
  return markup`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${content}</svg>`;
}

/** A titled figure. */
export function figure(title: string, content: Markup, note?: string): Markup {
  return markup`<figure><figcaption>${title}</figcaption>${content}${note === undefined ? null : markup`<p class="note">${note}</p>`}</figure>`;
}
