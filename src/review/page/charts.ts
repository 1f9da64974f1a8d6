import { axes, bottomAxis, type Plot } from "../../report/charts/frame.js";
import { linearScale } from "../../report/charts/scale.js";
import { short } from "../../report/format.js";
import { type Markup, markup } from "../../report/markup.js";
import type { Correlations, Figures, Histogram, Relation } from "../wire.js";
import { grouped } from "./elements.js";

/** Size of a histogram's image and where its bars lie, in pixels. */
export const HISTOGRAM = { width: 320, height: 118, plot: { left: 8, right: 312, top: 6, bottom: 92 } };
const HEAT = { width: 460, height: 400, plot: { left: 62, right: 448, top: 10, bottom: 350 } };

/** How a column is spread: the pairs shown in front of the whole file, both as shares. */
export function histogramMarkup({ name, low, high, bins, all, missing }: Histogram): Markup {
  const { width, height, plot } = HISTOGRAM;
  const total = (counts: readonly number[]): number =>
    Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0),
    );
  const [shown, whole] = [total(bins), total(all)];
  const most = Math.max(...bins.map((count) => count / shown), ...all.map((count) => count / whole), 1e-9);
  const step = (plot.right - plot.left) / bins.length;
  const bars = (counts: readonly number[], of: number, kind: string, inset: number): readonly Markup[] =>
    counts.flatMap((count, at) => {
      const tall = (count / of / most) * (plot.bottom - plot.top);
      if (count === 0) return [];
      return markup`<rect class="${kind}" x="${plot.left + at * step + inset}" y="${plot.bottom - tall}" width="${step - 2 * inset}" height="${tall}"/>`;
    });
  const x = { label: "", scale: linearScale([low, high], [plot.left, plot.right], { exact: true, ticks: 4 }) };
  const note = missing === 0 ? "" : `${grouped(missing)} pairs without`;
  return markup`<figure class="plot" data-histogram="${name}" data-bins="${bins.length}"><figcaption>${name}</figcaption><svg class="chart histogram" viewBox="0 0 ${width} ${height}" role="img" aria-label="${`distribution of ${name}, from ${short(low)} to ${short(high)}`}">${bars(all, whole, "whole", 0.5)}${bars(bins, shown, "shown", 2)}<rect class="brush" x="0" y="${plot.top}" width="0" height="${plot.bottom - plot.top}"/>${bottomAxis(plot, x)}</svg><p class="note">${note}</p></figure>`;
}

/** How two columns hang together: the more pairs a cell has, the fuller its colour. */
export function relationMarkup({ x, y, bins, cells, pairs, correlation }: Relation): Markup {
  const { width, height, plot } = HEAT;
  const most = Math.max(1, ...cells.map(([, , count]) => count));
  const [wide, tall] = [(plot.right - plot.left) / bins, (plot.bottom - plot.top) / bins];
  const rects = cells.map(([alongX, alongY, count]) => {
    const opacity = 0.08 + 0.92 * Math.sqrt(count / most);
    return markup`<rect class="cell" data-x="${alongX}" data-y="${alongY}" x="${plot.left + alongX * wide}" y="${plot.bottom - (alongY + 1) * tall}" width="${wide - 0.5}" height="${tall - 0.5}" fill-opacity="${opacity}"><title>${grouped(count)}</title></rect>`;
  });
  const scale = (low: number, high: number, range: readonly [number, number]) =>
    linearScale([low, high], range, { exact: true });
  const frame = axes(
    plot satisfies Plot,
    { label: x.name, scale: scale(x.low, x.high, [plot.left, plot.right]) },
    { label: y.name, scale: scale(y.low, y.high, [plot.bottom, plot.top]) },
  );
  const said = `Spearman's ρ ${rho(correlation)} over ${grouped(pairs)} pairs that have both`;
  return markup`<figure class="plot heat"><svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${`${x.name} and ${y.name}: ${said}`}">${frame}${rects}</svg><p class="note">${said}. A click on a cell shows its pairs.</p></figure>`;
}

/** Rank correlations of each two columns; a button shows the relation. */
export function correlationsMarkup({ names, values }: Correlations): Markup {
  return markup`<div class="scroll"><table class="matrix"><thead><tr><td></td>${names.map((name) => markup`<th scope="col">${breakable(name)}</th>`)}</tr></thead><tbody>${names.map(
    (name, at) =>
      markup`<tr><th scope="row">${name}</th>${names.map((other, place) => {
        if (place === at) return markup`<td><span class="of-self">1</span></td>`;
        const value = values[at]?.[place] ?? null;
        return markup`<td><button type="button" data-pair-x="${other}" data-pair-y="${name}" data-share="${value ?? 0}" aria-label="${`${name} and ${other}: ${rho(value)}`}">${rho(value)}</button></td>`;
      })}</tr>`,
  )}</tbody></table></div>`;
}

/** Pairs by kind and stage; a button shows them. */
export function kindsByStageMarkup({ cells }: Figures): Markup {
  const distinct = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];
  const kinds = distinct(cells.map(({ kind }) => kind));
  const stages = distinct(cells.map(({ stage }) => stage)).sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  const most = Math.max(1, ...cells.map(({ count }) => count));
  const sum = (fits: (cell: Figures["cells"][number]) => boolean): string =>
    grouped(cells.filter(fits).reduce((total, { count }) => total + count, 0));
  const name = (stage: number | null): string => (stage === null ? "no stage" : `stage ${stage}`);
  return markup`<div class="scroll"><table class="matrix"><thead><tr><td></td>${stages.map((stage) => markup`<th scope="col">${name(stage)}</th>`)}<th scope="col" class="total">all</th></tr></thead><tbody>${kinds.map(
    (kind) =>
      markup`<tr><th scope="row">${kind ?? "no kind"}</th>${stages.map((stage) => {
        const count = cells.find((cell) => cell.kind === kind && cell.stage === stage)?.count ?? 0;
        return markup`<td><button type="button" data-kind="${JSON.stringify(kind)}" data-stage="${JSON.stringify(stage)}" data-share="${count / most}">${grouped(count)}</button></td>`;
      })}<td class="total">${sum((cell) => cell.kind === kind)}</td></tr>`,
  )}<tr><th scope="row" class="total">all</th>${stages.map((stage) => markup`<td class="total">${sum((cell) => cell.stage === stage)}</td>`)}<td class="total">${sum(() => true)}</td></tr></tbody></table></div>`;
}

/** A name that may be broken behind an underscore. */
function breakable(name: string): Markup {
  return markup`${name.split(/(?<=_)/).map((part) => markup`${part}<wbr>`)}`;
}

/** A correlation with two decimals and a real minus sign. */
function rho(value: number | null): string {
  return value === null ? "–" : value.toFixed(2).replace("-", "−");
}
