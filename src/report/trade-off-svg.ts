import type { Interval } from "../numbers/statistics.js";
import { CHART_STYLE, DARK, LIGHT, modelColour, resolveStyle } from "./charts/colours.js";
import { COLUMN_WIDTH } from "./charts/frame.js";
import { SCATTER_HEIGHT, scatterContent } from "./charts/scatter-chart.js";
import { Markup, markup } from "./markup.js";

const EDGE = 20;
const CAPTION = 22;

/** A figure with its 95 % interval, in percent. */
export interface FigureWithInterval {
  value: number;
  interval: Interval | null;
}

/** A model's place between saying little and making things up. */
export interface TradeOffPoint {
  name: string;
  coverage: FigureWithInterval;
  hallucination: FigureWithInterval;
}

/**
 * Draws hallucination against coverage as an SVG file of its own, for light and dark surroundings.
 *
 * @param points - At least one model.
 * @param labels - Names of the axes, and a caption.
 * @returns The file's content.
 */
export function renderTradeOffSvg(
  points: readonly TradeOffPoint[],
  labels: { coverage: string; hallucination: string; caption: string },
): string {
  const names = points.map(({ name }) => name);
  const content = scatterContent({
    xLabel: labels.coverage,
    yLabel: labels.hallucination,
    format: (value) => String(value),
    series: points.map(({ name, coverage, hallucination }) => ({
      label: name,
      colour: modelColour(name, names),
      points: [
        {
          name,
          x: coverage.value,
          y: hallucination.value,
          xInterval: coverage.interval,
          yInterval: hallucination.interval,
        },
      ],
    })),
  });
  const [width, height] = [COLUMN_WIDTH + 2 * EDGE, SCATTER_HEIGHT + CAPTION + 2 * EDGE];
  const style = `${CHART_STYLE}.sheet{fill:var(--paper)}`;
  const themes = `${resolveStyle(style, LIGHT)}@media (prefers-color-scheme:dark){${resolveStyle(style, DARK)}}`;
  const svg = markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${`${labels.hallucination} against ${labels.coverage}`}</title><style>${new Markup(themes)}</style><rect class="sheet" width="${width}" height="${height}" rx="8"/><g transform="translate(${EDGE} ${EDGE})">${content}</g><text x="${EDGE}" y="${EDGE + SCATTER_HEIGHT + CAPTION}">${labels.caption}</text></svg>`;
  return `${svg.text}\n`;
}
