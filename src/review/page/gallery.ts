import { joined, markup } from "../../report/markup.js";
import type { Card, Verdict } from "../wire.js";
import { cardMarkup } from "./card-markup.js";
import { fill, within } from "./elements.js";
import { ask } from "./questions.js";

/** What the reviewer does with a pair. */
export interface GalleryActions {
  readonly decide: (card: Card, verdict: Verdict, stage: number | null) => void;
  readonly open: (card: Card) => void;
}

/** The cards of one page; one of them is the current one, which keys act on. */
export class Gallery {
  readonly #root: HTMLElement;
  #cards: Card[] = [];
  #current = 0;

  constructor(root: HTMLElement, actions: GalleryActions) {
    this.#root = root;
    root.addEventListener("click", (event) => {
      const article = within(event, "row");
      const at = article === null ? -1 : this.#articles().indexOf(article);
      const card = this.#cards[at];
      if (card === undefined) return;
      this.focus(at);
      const button = within(event, "act");
      if (button !== null) {
        const { act, stage } = button.dataset;
        actions.decide(card, act as Verdict, stage === undefined ? null : Number(stage));
      } else if (event.target instanceof Element && event.target.closest(".pair") !== null) actions.open(card);
    });
    root.addEventListener("focusin", (event) => {
      const article = within(event, "row");
      if (article !== null) this.#mark(this.#articles().indexOf(article));
    });
    showFaults(root);
  }

  /** The card that keys act on. */
  get current(): Card | undefined {
    return this.#cards[this.#current];
  }

  /** Place of the current card on the page, from 0. */
  get place(): number {
    return this.#current;
  }

  /** Number of cards on the page. */
  get length(): number {
    return this.#cards.length;
  }

  /** Cards in a line of the grid. */
  get columns(): number {
    const [first, ...rest] = this.#articles();
    const next = rest.findIndex(({ offsetTop }) => offsetTop > (first?.offsetTop ?? 0));
    return next < 0 ? this.#cards.length : next + 1;
  }

  show(cards: readonly Card[], current: number): void {
    this.#cards = [...cards];
    const none = markup`<p class="empty">No pair fits these filters.</p>`;
    fill(this.#root, cards.length === 0 ? none : joined(cards.map(cardMarkup)));
    this.#mark(Math.min(Math.max(0, current), Math.max(0, cards.length - 1)));
  }

  /** Shows a pair as it is now. */
  replace(card: Card): void {
    const at = this.#cards.findIndex(({ row }) => row === card.row);
    const before = this.#articles()[at];
    if (before === undefined) return;
    this.#cards[at] = card;
    const hadFocus = before.contains(document.activeElement);
    const made = document.createElement("template");
    fill(made, cardMarkup(card));
    const after = made.content.firstElementChild as HTMLElement;
    // The images stay, so that they do not flicker.
    after.querySelector(".pair")?.replaceWith(before.querySelector(".pair") as Element);
    before.replaceWith(after);
    if (at === this.#current) this.#mark(at);
    if (hadFocus) after.focus({ preventScroll: true });
  }

  focus(at: number): void {
    this.#mark(at);
    const article = this.#articles()[at];
    article?.focus({ preventScroll: true });
    article?.scrollIntoView({ block: "nearest" });
  }

  /** Focuses a pair's card, or the current one where the page has none of it. */
  focusRow(row: number): void {
    const at = this.#cards.findIndex((card) => card.row === row);
    this.focus(at < 0 ? this.#current : at);
  }

  #articles(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>("[data-row]")];
  }

  #mark(at: number): void {
    const articles = this.#articles();
    for (const [index, article] of [
      [this.#current, articles[this.#current]],
      [at, articles[at]],
    ] as const) {
      if (article === undefined) continue;
      article.tabIndex = index === at ? 0 : -1;
      for (const button of article.querySelectorAll("button")) button.tabIndex = index === at ? 0 : -1;
    }
    this.#current = at;
  }
}

/** Says in the place of an image why it cannot be shown. */
export function showFaults(root: HTMLElement): void {
  root.addEventListener(
    "error",
    (event) => {
      const { target } = event;
      if (!(target instanceof HTMLImageElement)) return;
      const place = target.parentElement;
      void ask.imageFault(target.src).then((fault) => {
        place?.classList.add("broken");
        if (place !== null) place.textContent = `picture ${fault}`;
      });
    },
    true,
  );
}
