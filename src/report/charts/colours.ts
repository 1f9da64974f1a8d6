/** Colours by name; after Okabe and Ito, distinguishable with any colour vision. */
export type Colour = "blue" | "orange" | "green" | "purple" | "gold" | "grey";

/** Values of the style's variables, by name. */
export type Palette = Readonly<Record<string, string>>;

/** For light surroundings. */
export const LIGHT: Palette = {
  paper: "#ffffff",
  panel: "#f6f7f9",
  ink: "#1b1f24",
  muted: "#57606a",
  rule: "#d8dee4",
  stage: "#eceff3",
  absent: "#b3001b",
  absentpaper: "#ffe3e3",
  missed: "#7a4b00",
  blue: "#0068a8",
  orange: "#c65300",
  green: "#007a5a",
  purple: "#8f4a95",
  gold: "#8a6a00",
  grey: "#6e7781",
};

/** For dark surroundings. */
export const DARK: Palette = {
  paper: "#12161b",
  panel: "#1b2128",
  ink: "#e6eaef",
  muted: "#a0aab5",
  rule: "#343c46",
  stage: "#222a33",
  absent: "#ff8f8f",
  absentpaper: "#4a1d22",
  missed: "#f0bf6a",
  blue: "#5cb6f2",
  orange: "#ff9a4d",
  green: "#3fcfa0",
  purple: "#d79bdc",
  gold: "#e3c14a",
  grey: "#98a2ad",
};

const COLOURS: readonly Colour[] = ["blue", "orange", "green", "purple", "gold", "grey"];

/** Style rules of charts; colours are variables of the palette. */
export const CHART_STYLE = [
  ...COLOURS.map((colour) => `.${colour} .line{stroke:var(--${colour})}.${colour} .fill{fill:var(--${colour})}`),
  ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}",
  ".thin{stroke-width:1.25}",
  ".dots{stroke-width:2.6;opacity:.35}",
  ".dash{stroke-dasharray:5 4}",
  ".dot-dash{stroke-dasharray:1.5 4}",
  ".spread{opacity:.18}",
  ".grid{stroke:var(--rule);stroke-width:1}",
  ".axis{stroke:var(--muted);stroke-width:1}",
  ".mark{stroke:var(--ink);stroke-width:1.25;stroke-dasharray:3 3}",
  ".mark-head{fill:var(--ink)}",
  ".stage-band{fill:var(--stage)}",
  ".halo{stroke:var(--paper);stroke-width:1.5}",
  "text{font:12px system-ui,sans-serif;fill:var(--muted)}",
  ".strong{fill:var(--ink);font-weight:600}",
  ".ink{fill:var(--ink)}",
].join("");

/** Style rules with the variables replaced by a palette's values, for programs that know no variables. */
export function resolveStyle(style: string, palette: Palette): string {
  return style.replace(/var\(--([a-z]+)\)/g, (_, name: string) => {
    const value = palette[name];
    if (value === undefined) throw new Error(`the palette lacks ${name}`);
    return value;
  });
}

/** Declarations of a palette's variables. */
export function paletteVariables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";");
}

// A method with and without anchor has one colour.
const MODEL_COLOURS: Readonly<Record<string, Colour>> = {
  base: "grey",
  sft: "purple",
  dpo: "orange",
  "dpo-anchor": "orange",
  anchor: "gold",
  scpo: "blue",
  "scpo-no-anchor": "blue",
};
const OTHER_COLOURS: readonly Colour[] = ["green", "gold", "purple", "orange"];

/**
 * Colour of a model, the same in every chart.
 *
 * @param model - Its key.
 * @param others - Keys of all models, so that those without a colour of their own take different ones.
 */
export function modelColour(model: string, others: readonly string[]): Colour {
  const own = MODEL_COLOURS[model];
  if (own !== undefined) return own;
  const rank = others.filter((other) => !(other in MODEL_COLOURS)).indexOf(model);
  return OTHER_COLOURS[Math.max(0, rank) % OTHER_COLOURS.length] as Colour;
}
