/** Text that is markup already: it is inserted as it is, where a plain string would be escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What a template may hold; null leaves nothing. */
export type MarkupValue = string | number | Markup | readonly Markup[] | null;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for element content and for quoted attributes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/**
 * Template tag for HTML and SVG: strings are escaped, markup is not.
 *
 * @throws TypeError when a number is not finite: a page never shows NaN.
 */
export function markup(strings: TemplateStringsArray, ...values: MarkupValue[]): Markup {
  return new Markup(strings.reduce((text, next, at) => text + render(values[at - 1] as MarkupValue) + next));
}

/** Joins pieces of markup with nothing between them. */
export function joined(pieces: readonly Markup[]): Markup {
  return new Markup(pieces.map(({ text }) => text).join(""));
}

function render(value: MarkupValue): string {
  if (value === null) return "";
  if (typeof value === "string") return escapeText(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`a page was given ${value} to show`);
    return String(Math.round(value * 100) / 100);
  }
  if (value instanceof Markup) return value.text;
  return joined(value).text;
}
