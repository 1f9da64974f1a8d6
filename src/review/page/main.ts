import type { Card, FileFacts, Filter, Selection, Verdict } from "../wire.js";
import { describeDecision } from "./card-markup.js";
import { attempt, say, showControls, showDecisions, showFile } from "./controls.js";
import { Detail } from "./detail.js";
import { element, within } from "./elements.js";
import { FiguresPanel } from "./figures-panel.js";
import { changedFilter } from "./filters-panel.js";
import { Gallery } from "./gallery.js";
import { isTyping, onKeys } from "./keys.js";
import { ask, QuestionError } from "./questions.js";
import { Reviewer } from "./reviewer.js";
import { hashOf, START, stateFrom, type ViewState } from "./view-state.js";

/** Pairs on a page. */
const PAGE = 24;
/** A search begins when nothing was typed for so long. */
const TYPING_MILLISECONDS = 150;

const file: FileFacts = await ask.file();
let state: ViewState = stateFrom(location.hash);
let selection: Selection = { key: "", count: 0 };
/** The page behind the one shown. */
let next: { key: string; page: number; cards: Promise<Card[]> } | null = null;
let shown = 0;

const galleryRoot = element("gallery", HTMLElement);
const gallery = new Gallery(galleryRoot, { decide, open: ({ row }) => attempt(detail.open(row)) });
const detail = new Detail(element("detail", HTMLDialogElement), (row) => gallery.focusRow(row));
const figures = new FiguresPanel(element("figures", HTMLElement), file, {
  filter: filterBy,
  relate: (x, y) => go({ relation: [x, y] }),
});
const reviewer = new Reviewer(file.verdicts, (card) => {
  gallery.replace(card);
  if (detail.wants(card.row)) attempt(detail.open(card.row));
  showDecisions(facts(), state);
  say(`${card.id}: ${card.decision === null ? "undecided" : describeDecision(card.decision)}`);
});

function facts(): FileFacts {
  return { ...file, verdicts: reviewer.verdicts };
}

function pages(): number {
  return Math.max(1, Math.ceil(selection.count / PAGE));
}

/** Shows another state; the address follows. */
function go(change: Partial<ViewState>, place = 0): void {
  const before = state;
  state = { ...state, ...change };
  const address = hashOf(state) || location.pathname;
  const turnsPageOnly = change.page !== undefined && Object.keys(change).length === 1;
  if (turnsPageOnly) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  if (state.figures !== before.figures) window.scrollTo(0, 0);
  attempt(show(state.filter !== before.filter || state.sort !== before.sort, place));
}

function filterBy(change: (filter: Filter) => Filter): void {
  go({ filter: change(state.filter), page: 0 });
}

/**
 * Shows the state.
 *
 * @param selects - Which pairs, or their order, may be others than before.
 * @param place - Which card becomes the current one; below 0: counted from the end.
 */
async function show(selects: boolean, place = 0): Promise<void> {
  const number = ++shown;
  galleryRoot.setAttribute("aria-busy", "true");
  try {
    if (selects) {
      const selected = await ask.selection(state.filter, state.sort);
      if (number !== shown) return;
      selection = selected;
      next = null;
    }
    state = { ...state, page: Math.min(Math.max(0, state.page), pages() - 1) };
    showControls(facts(), state, selection, pages());
    if (state.figures) return await figures.show(state);
    const cards = await cardsOf(state.page);
    if (number !== shown) return;
    gallery.show(cards, place < 0 ? cards.length + place : place);
    prefetch();
    if (detail.isOpen) await openCurrent();
    else if (!isTyping()) gallery.focus(gallery.place);
  } finally {
    if (number === shown) galleryRoot.removeAttribute("aria-busy");
  }
}

async function cardsOf(page: number): Promise<Card[]> {
  const ready = next !== null && next.page === page && next.key === selection.key ? next.cards : null;
  next = null;
  try {
    return await (ready ?? ask.cards(selection.key, page * PAGE, PAGE));
  } catch (error) {
    // The service keeps the last selections only.
    if (!(error instanceof QuestionError) || error.status !== 410) throw error;
    selection = await ask.selection(state.filter, state.sort);
    return ask.cards(selection.key, page * PAGE, PAGE);
  }
}

/** Gets the next page's texts and images, so that it is there at once. */
function prefetch(): void {
  const page = state.page + 1;
  if (page >= pages()) return;
  const cards = ask.cards(selection.key, page * PAGE, PAGE);
  next = { key: selection.key, page, cards };
  cards.then(
    (found) => {
      for (const { row, images } of found) {
        for (let place = 0; place < images; place += 1) {
          for (const column of ["images", "rejected_images"])
            new Image().src = `api/pictures/${row}/${column}/${place}`;
        }
      }
    },
    () => (next = null),
  );
}

function decide(card: Card, verdict: Verdict, stage: number | null): void {
  const { key } = selection;
  attempt(reviewer.decide(card, verdict, stage, { key, page: state.page, place: gallery.place }));
}

/** Decides about the current pair and goes on to the next. */
function decideHere(verdict: Verdict, stage: number | null): void {
  const { current } = gallery;
  if (current === undefined || state.figures) return;
  if (stage !== null && !current.stagesToGive.includes(stage)) return say(`there is no stage ${stage}`);
  decide(current, verdict, stage);
  if (verdict !== "undecided") move(1);
}

async function undo(): Promise<void> {
  const at = await reviewer.undo();
  if (at === null) return say("nothing to undo");
  if (at.key !== selection.key || state.figures) return;
  if (at.page !== state.page) return go({ page: at.page }, at.place);
  gallery.focus(at.place);
  if (detail.isOpen) await openCurrent();
}

/** Moves by so many pairs, over the ends of the page too. */
function move(by: number): void {
  const place = gallery.place + by;
  if (state.figures) return;
  if (place >= 0 && place < gallery.length) {
    gallery.focus(place);
    if (detail.isOpen) attempt(openCurrent());
  } else turnPage(Math.sign(by), by < 0 ? -1 : 0);
}

function turnPage(by: number, place = 0): void {
  const page = state.page + by;
  if (page >= 0 && page < pages()) go({ page }, place);
}

async function openCurrent(): Promise<void> {
  if (gallery.current !== undefined && !state.figures) await detail.open(gallery.current.row);
}

function listen(): void {
  const search = element("search", HTMLInputElement);
  const help = element("help", HTMLDialogElement);
  const filters = element("filters", HTMLElement);
  let typed = 0;
  search.addEventListener("input", () => {
    clearTimeout(typed);
    const text = search.value;
    typed = window.setTimeout(() => filterBy((filter) => ({ ...filter, text })), TYPING_MILLISECONDS);
  });
  search.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" || key === "Enter") gallery.focus(gallery.place);
  });
  filters.addEventListener("change", ({ target }) => {
    const filter = changedFilter(target, state.filter);
    if (filter !== null) filterBy(() => filter);
    else if (target instanceof HTMLInputElement) say(`${target.value} is no number`, true);
  });
  element("sort", HTMLSelectElement).addEventListener("change", ({ target }) => {
    const [column, descending] = JSON.parse((target as HTMLSelectElement).value) as [string | null, boolean];
    go({ sort: { column, descending }, page: 0 });
  });
  element("page", HTMLInputElement).addEventListener("change", ({ target }) => {
    const page = Number((target as HTMLInputElement).value.replaceAll(/[,.\s]/g, "")) - 1;
    if (Number.isInteger(page)) go({ page: Math.min(Math.max(0, page), pages() - 1) });
  });
  element("detail", HTMLDialogElement).addEventListener("click", (event) => {
    const to = within(event, "go")?.dataset["go"];
    if (to === "close") detail.close();
    else if (to !== undefined) move(to === "next" ? 1 : -1);
    const { act, stage } = within(event, "act")?.dataset ?? {};
    if (act !== undefined && gallery.current?.row === detail.row) {
      decide(gallery.current, act as Verdict, stage === undefined ? null : Number(stage));
    }
  });
  const press = (id: string, action: () => void): void => element(id, HTMLElement).addEventListener("click", action);
  press("previous-page", () => turnPage(-1));
  press("next-page", () => turnPage(1));
  press("clear-filters", () => filterBy(() => START.filter));
  press("show-gallery", () => go({ figures: false }, gallery.place));
  press("show-figures", () => go({ figures: true }));
  press("show-help", () => help.showModal());
  press("show-filters", () => {
    const isOpen = filters.classList.toggle("open");
    element("show-filters", HTMLElement).setAttribute("aria-expanded", String(isOpen));
  });
  window.addEventListener("popstate", () => {
    state = stateFrom(location.hash);
    attempt(show(true));
  });
  onKeys(
    {
      move,
      moveLines: (by) => (detail.isOpen ? move(by) : move(by * gallery.columns)),
      turnPage,
      decide: (verdict) => decideHere(verdict, null),
      regrade: (stage) => decideHere("stage", stage),
      undo: () => attempt(undo()),
      open: () => attempt(openCurrent()),
      toggleFigures: () => (detail.isOpen ? undefined : go({ figures: !state.figures }, gallery.place)),
      search: () => (detail.isOpen ? undefined : search.focus()),
      help: () => help.showModal(),
    },
    () => help.open,
  );
}

showFile(file);
listen();
attempt(show(true));
