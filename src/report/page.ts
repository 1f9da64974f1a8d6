import { Markup, markup } from "./markup.js";
import { STYLE } from "./style.js";

/** Forbids the page every load from elsewhere. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** A section of a page; one without content is left out. */
export type PageSection = readonly [id: string, title: string, content: Markup | null];

/**
 * Lays out a page: one HTML file that needs nothing else.
 *
 * @param title - Of the page.
 * @param lead - Text above the sections.
 * @param sections - In order.
 * @returns The file's content.
 */
export function page(title: string, lead: Markup, sections: readonly PageSection[]): string {
  const shown = sections.filter(([, , content]) => content !== null);
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title>
<style>${new Markup(STYLE)}</style></head>
<body><header><h1>${title}</h1><nav>${shown.map(([id, name]) => markup`<a href="#${id}">${name}</a>`)}</nav></header>
<main>${lead}
${shown.map(
  ([id, name, content]) => markup`<section id="${id}"><h2>${name}</h2>${content}</section>
`,
)}</main><footer></footer></body></html>
`.text;
}
