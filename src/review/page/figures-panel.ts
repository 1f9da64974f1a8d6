import { markup } from "../../report/markup.js";
import type { FileFacts, Filter, Relation } from "../wire.js";
import { attempt } from "./controls.js";
import { correlationsMarkup, HISTOGRAM, histogramMarkup, kindsByStageMarkup, relationMarkup } from "./charts.js";
import { fill, within } from "./elements.js";
import { withRange } from "./filters-panel.js";
import { ask } from "./questions.js";
import type { ViewState } from "./view-state.js";

/** What the figures lead to. */
export interface FiguresActions {
  /** Shows the pairs that fit. */
  readonly filter: (change: (filter: Filter) => Filter) => void;
  readonly relate: (x: string, y: string) => void;
}

/** Distributions of the pairs shown and how they hang together. */
export class FiguresPanel {
  readonly #root: HTMLElement;
  readonly #file: FileFacts;
  #shown = 0;
  #filter = "";
  #relation: Relation | null = null;

  constructor(root: HTMLElement, file: FileFacts, actions: FiguresActions) {
    this.#root = root;
    this.#file = file;
    root.addEventListener("click", (event) => this.#clicked(event, actions));
    root.addEventListener("change", () => {
      const [x, y] = [...root.querySelectorAll("select")].map(({ value }) => value);
      if (x !== undefined && y !== undefined) actions.relate(x, y);
    });
    root.addEventListener("pointerdown", (event) => this.#brush(event, actions));
  }

  /** Shows the figures of a state; an answer that comes after a later question is dropped. */
  async show({ filter, relation }: ViewState): Promise<void> {
    const shown = ++this.#shown;
    const names = this.#file.numbers.map(({ name }) => name);
    const [x, y] = relation ?? [names[0], names[1]];
    const related = x !== undefined && y !== undefined && names.includes(x) && names.includes(y);
    const key = JSON.stringify(filter);
    if (key !== this.#filter || this.#root.childElementCount === 0) {
      const figures = await ask.figures(filter);
      if (shown !== this.#shown) return;
      this.#filter = key;
      fill(
        this.#root,
        markup`<h2>Kind and stage</h2>${kindsByStageMarkup(figures)}
<h2>Distributions</h2><p class="note">Shares of pairs; grey: the whole file, blue: the pairs shown. Drag over a stretch to show its pairs.</p><div class="charts">${figures.histograms.map(histogramMarkup)}</div>
${related ? markup`<h2>Relations</h2><p class="axes-choice">${this.#choice("across", x, names)}${this.#choice("up", y, names)}</p><div id="relation"></div><h2>Rank correlations</h2><p class="note">Spearman's ρ over the pairs shown that have both numbers.</p><div id="correlations"><p class="note">…</p></div>` : null}`,
      );
      shade(this.#root);
      if (related) attempt(this.#correlate(filter, shown));
    }
    if (!related) return;
    const answer = await ask.relation(filter, x, y);
    if (shown !== this.#shown) return;
    this.#relation = answer;
    const place = this.#root.querySelector("#relation");
    if (place !== null) fill(place, relationMarkup(answer));
    for (const [at, select] of [...this.#root.querySelectorAll("select")].entries())
      select.value = [x, y][at] as string;
  }

  async #correlate(filter: Filter, shown: number): Promise<void> {
    const correlations = await ask.correlations(filter);
    const place = this.#root.querySelector("#correlations");
    if (place === null || (shown !== this.#shown && JSON.stringify(filter) !== this.#filter)) return;
    fill(place, correlationsMarkup(correlations));
    shade(place);
  }

  #choice(title: string, chosen: string, names: readonly string[]): ReturnType<typeof markup> {
    return markup`<label>${title} <select>${names.map((name) =>
      name === chosen ? markup`<option selected>${name}</option>` : markup`<option>${name}</option>`,
    )}</select></label>`;
  }

  #clicked(event: Event, { filter, relate }: FiguresActions): void {
    const cell = within(event, "kind");
    if (cell !== null) {
      const kind = JSON.parse(cell.dataset["kind"] as string) as string | null;
      const stage = JSON.parse(cell.dataset["stage"] as string) as number | null;
      filter((before) => ({ ...before, kinds: [kind], stages: [stage] }));
    }
    const pair = within(event, "pair-x")?.dataset;
    if (pair !== undefined) relate(pair["pairX"] as string, pair["pairY"] as string);
    const square =
      event.target instanceof SVGElement ? event.target.closest<SVGElement>("[data-x]")?.dataset : undefined;
    const relation = this.#relation;
    if (square === undefined || relation === null) return;
    const { x, y, bins } = relation;
    const edges = (column: typeof x, at: number) => edgesOf(column, bins, at, at);
    filter((before) =>
      withRange(withRange(before, x.name, ...edges(x, Number(square["x"]))), y.name, ...edges(y, Number(square["y"]))),
    );
  }

  /** A stretch of a histogram that is dragged over becomes the range of its column. */
  #brush(event: PointerEvent, { filter }: FiguresActions): void {
    const figure = within(event, "histogram");
    const svg = figure?.querySelector("svg");
    const column = this.#file.numbers.find(({ name }) => name === figure?.dataset["histogram"]);
    const bars = svg?.querySelector(".brush");
    if (!(event.target instanceof SVGElement) || !svg || !bars || column === undefined) return;
    const { width, plot } = HISTOGRAM;
    const bins = Number(figure?.dataset["bins"]);
    const binAt = ({ clientX }: PointerEvent): number => {
      const box = svg.getBoundingClientRect();
      const x = ((clientX - box.left) / box.width) * width;
      return Math.min(bins - 1, Math.max(0, Math.floor(((x - plot.left) / (plot.right - plot.left)) * bins)));
    };
    const start = binAt(event);
    let end = start;
    const draw = (): void => {
      const [low, high] = [Math.min(start, end), Math.max(start, end)];
      const step = (plot.right - plot.left) / bins;
      bars.setAttribute("x", String(plot.left + low * step));
      bars.setAttribute("width", String((high - low + 1) * step));
    };
    const controller = new AbortController();
    const { signal } = controller;
    svg.setPointerCapture(event.pointerId);
    draw();
    const move = (moved: PointerEvent): void => {
      end = binAt(moved);
      draw();
    };
    svg.addEventListener("pointermove", move, { signal });
    svg.addEventListener("pointercancel", () => controller.abort(), { signal });
    const finish = (): void => {
      controller.abort();
      const edges = edgesOf(column, bins, Math.min(start, end), Math.max(start, end));
      filter((before) => withRange(before, column.name, ...edges));
    };
    svg.addEventListener("pointerup", finish, { signal });
  }
}

/** Ends of a stretch of bins, rounded outwards a little so that it holds what the bins count. */
function edgesOf(
  { low, high }: { low: number; high: number },
  bins: number,
  first: number,
  last: number,
): [low: number | null, high: number | null] {
  const at = (bin: number): number => Number((low + ((high - low) * bin) / bins).toPrecision(6));
  return [first === 0 ? null : at(first), last === bins - 1 ? null : at(last + 1)];
}

/** Colours cells by how much they hold; the policy of the page forbids styles in its markup. */
function shade(root: Element): void {
  for (const cell of root.querySelectorAll<HTMLElement>("[data-share]")) {
    const share = Number(cell.dataset["share"]);
    const colour = share < 0 ? "orange" : "blue";
    cell.style.background = `color-mix(in srgb, var(--${colour}) ${Math.round(Math.abs(share) * 55)}%, var(--panel))`;
  }
}
