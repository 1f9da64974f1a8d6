import { markup } from "../../report/markup.js";
import type { PairRecord } from "../wire.js";
import { actions, facts, pairSides } from "./card-markup.js";
import { fill } from "./elements.js";
import { showFaults } from "./gallery.js";
import { ask } from "./questions.js";

/** The dialog that shows a pair's whole record. */
export class Detail {
  readonly #dialog: HTMLDialogElement;
  /** The pair that it shows or is to show; null while it is closed and none is awaited. */
  #wanted: { readonly row: number } | null = null;
  #shown: number | null = null;

  /**
   * @param dialog - Where it is shown.
   * @param closed - Hears which row was shown or awaited last.
   */
  constructor(dialog: HTMLDialogElement, closed: (row: number) => void) {
    this.#dialog = dialog;
    showFaults(dialog);
    dialog.addEventListener("close", () => {
      const wanted = this.#wanted;
      this.#wanted = null;
      if (wanted !== null) closed(wanted.row);
    });
    dialog.addEventListener("click", (event) => {
      // On the backdrop the dialog itself is what is clicked.
      if (event.target === dialog) dialog.close();
    });
  }

  get isOpen(): boolean {
    return this.#dialog.open;
  }

  /** Row of the pair that is shown. */
  get row(): number | null {
    return this.isOpen ? this.#shown : null;
  }

  /** Whether a pair is shown or will be when its record is there. */
  wants(row: number): boolean {
    return this.#wanted?.row === row;
  }

  /** Shows a pair as soon as its record is there, unless it was closed or another pair was asked for meanwhile. */
  async open(row: number): Promise<void> {
    const wanted = { row };
    this.#wanted = wanted;
    try {
      const record = await ask.record(row);
      if (this.#wanted === wanted) this.#show(record);
    } catch (error) {
      // What is shown, if anything, stays.
      if (this.#wanted === wanted) this.#wanted = this.row === null ? null : { row: this.row };
      throw error;
    }
  }

  #show({ card, columns }: PairRecord): void {
    this.#shown = card.row;
    fill(
      this.#dialog,
      markup`<div class="head"><h2 id="detail-title" tabindex="-1" autofocus>${card.id}</h2><button type="button" data-go="previous" aria-label="Previous pair">‹</button><button type="button" data-go="next" aria-label="Next pair">›</button><button type="button" data-go="close" aria-label="Close">✕</button></div>
<p class="prompt">${card.prompt}</p>${pairSides(card)}${facts(card)}${actions(card)}
<table class="record"><tbody>${columns.map(
        ({ name, value }) => markup`<tr><th scope="row">${name}</th><td>${valueMarkup(value)}</td></tr>`,
      )}<tr><th scope="row">row</th><td>${card.row} of the file, from 0</td></tr></tbody></table>`,
    );
    for (const button of this.#dialog.querySelectorAll("button")) button.removeAttribute("tabindex");
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
  }

  close(): void {
    this.#dialog.close();
  }
}

function valueMarkup(value: unknown): ReturnType<typeof markup> {
  if (typeof value === "string") return markup`${value}`;
  if (typeof value === "number") return markup`${String(value)}`;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    return markup`${value.map((item, at) => markup`${at > 0 ? " · " : ""}${item}`)}`;
  }
  if (Array.isArray(value)) return markup`<pre>${value.map((item) => JSON.stringify(item)).join("\n")}</pre>`;
  return markup`<pre>${JSON.stringify(value)}</pre>`;
}
