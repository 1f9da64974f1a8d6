import type { Markup } from "../../report/markup.js";

/** An element of the page by its id. */
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

/** Fills an element; the markup is escaped where it was made. */
export function fill(target: Element, content: Markup): void {
  target.innerHTML = content.text;
}

/** A number as people read it. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** The element with a `data-` attribute in which an event happened. */
export function within(event: Event, attribute: string): HTMLElement | null {
  const { target } = event;
  return target instanceof Element ? target.closest<HTMLElement>(`[data-${attribute}]`) : null;
}
