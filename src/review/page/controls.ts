import { markup } from "../../report/markup.js";
import type { FileFacts, Selection } from "../wire.js";
import { element, fill, grouped } from "./elements.js";
import { showFilters } from "./filters-panel.js";
import { isEmpty, type ViewState } from "./view-state.js";

/** Fills in what depends on the file alone. */
export function showFile({ path, numbers, lacks, decisionsPath }: FileFacts): void {
  const name = path.split(/[\\/]/).at(-1) ?? path;
  document.title = `${name}: pairs`;
  const heading = element("name", HTMLElement);
  heading.textContent = name;
  heading.title = `${path}\ndecisions: ${decisionsPath}`;
  fill(element("lacks", HTMLElement), markup`${lacks.map((lack) => markup`<p class="lack">${lack}</p>`)}`);
  const orders: (readonly [column: string | null, descending: boolean, name: string])[] = [
    [null, false, "as in the file"],
    [null, true, "from the end of the file"],
    ...numbers.flatMap((column) => [
      [column.name, false, `${column.name}, least first`] as const,
      [column.name, true, `${column.name}, most first`] as const,
    ]),
  ];
  fill(
    element("sort", HTMLElement),
    markup`${orders.map(([column, descending, title]) => markup`<option value="${JSON.stringify([column, descending])}">${title}</option>`)}`,
  );
}

/** Shows what is chosen and how much of it there is. */
export function showControls(file: FileFacts, state: ViewState, selection: Selection, pages: number): void {
  const { filter, page, figures } = state;
  const shown = grouped(selection.count);
  element("count", HTMLElement).textContent =
    selection.count === file.rows ? `${shown} pairs` : `${shown} of ${grouped(file.rows)} pairs`;
  element("clear-filters", HTMLElement).hidden = isEmpty(filter);
  const search = element("search", HTMLInputElement);
  if (document.activeElement !== search) search.value = filter.text;
  element("page", HTMLInputElement).value = String(page + 1);
  element("pages", HTMLElement).textContent = `of ${grouped(pages)}`;
  element("previous-page", HTMLButtonElement).disabled = page === 0;
  element("next-page", HTMLButtonElement).disabled = page >= pages - 1;
  element("sort", HTMLSelectElement).value = JSON.stringify([state.sort.column, state.sort.descending]);
  element("gallery", HTMLElement).hidden = figures;
  element("figures", HTMLElement).hidden = !figures;
  element("pager", HTMLElement).hidden = figures;
  element("sorting", HTMLElement).hidden = figures;
  element("show-gallery", HTMLElement).setAttribute("aria-pressed", String(!figures));
  element("show-figures", HTMLElement).setAttribute("aria-pressed", String(figures));
  showDecisions(file, state);
}

/** Shows how much was decided. */
export function showDecisions(file: FileFacts, { filter }: ViewState): void {
  showFilters(element("filters", HTMLElement), file, filter);
  const { accept, reject, stage } = file.verdicts;
  element("progress", HTMLElement).textContent =
    `${grouped(accept)} accepted · ${grouped(reject)} rejected · ${grouped(stage)} re-graded`;
}

let silence = 0;

/** Says something for a moment; an error longer. */
export function say(text: string, isError = false): void {
  const line = element("status", HTMLElement);
  line.textContent = text;
  line.classList.toggle("error", isError);
  clearTimeout(silence);
  silence = window.setTimeout(() => (line.textContent = ""), isError ? 15_000 : 2500);
}

/** Says what goes wrong with something that is under way. */
export function attempt(work: Promise<unknown>): void {
  work.catch((error: unknown) => say(error instanceof Error ? error.message : String(error), true));
}
