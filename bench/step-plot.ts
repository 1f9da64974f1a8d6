import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { CHART_STYLE, DARK, LIGHT, resolveStyle } from "../src/report/charts/colours.js";
import { linearScale } from "../src/report/charts/scale.js";
import { Markup, markup } from "../src/report/markup.js";
import { writeAtomically } from "../src/files/write-atomically.js";

// Draws what bench/step measured: `npm run bench:step-plot`.

interface Epochs {
  readonly to_stock_four: number;
  readonly flops_to_stock_four: number;
}

interface Result {
  readonly shape: string;
  readonly about: string;
  readonly variants: readonly { readonly variant: string; readonly epochs_1: Epochs; readonly epochs_3: Epochs }[];
}

const PANEL = 330;
const GAP = 34;
const EDGE = 22;
const HEAD = 66;
const ROW = 44;
const FOOT = 30;

const { in: input, out } = new Command()
  .option("--in <path>", "what bench/step wrote", "docs/results/bench-step.json")
  .option("--out <path>", "SVG file", "docs/results/bench-step.svg")
  .parse()
  .opts<{ in: string; out: string }>();
const { results } = JSON.parse(await readFile(input, "utf8")) as { results: Result[] };
await writeAtomically(out, draw(results));
process.stdout.write(`written to ${out}\n`);

function draw(shapes: readonly Result[]): string {
  const width = 2 * EDGE + shapes.length * PANEL + (shapes.length - 1) * GAP;
  const rows = Math.max(...shapes.map(({ variants }) => variants.length));
  const height = HEAD + 24 + rows * ROW + FOOT + EDGE;
  const style = `${CHART_STYLE}.sheet{fill:var(--paper)}.count{stroke:var(--ink);stroke-width:2}`;
  const themes = `${resolveStyle(style, LIGHT)}@media (prefers-color-scheme:dark){${resolveStyle(style, DARK)}}`;
  const panels = shapes.map(
    (shape, at) => markup`<g transform="translate(${EDGE + at * (PANEL + GAP)} ${HEAD})">${panel(shape)}</g>`,
  );
  const title = "Time of a step over stock DPO's on the same four sequences, all costs counted";
  const key = markup`<g class="blue"><rect class="fill" x="${EDGE}" y="36" width="16" height="9"/></g><text x="${EDGE + 22}" y="45">one epoch a stage</text><g class="green"><rect class="fill" x="${EDGE + 150}" y="36" width="16" height="9"/></g><text x="${EDGE + 172}" y="45">three epochs</text><line class="count" x1="${EDGE + 272}" x2="${EDGE + 272}" y1="34" y2="47"/><text x="${EDGE + 280}" y="45">what the counted operations allow</text>`;
  const svg = markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${title}</title><style>${new Markup(themes)}</style><rect class="sheet" width="${width}" height="${height}" rx="8"/><text class="strong" x="${EDGE}" y="24">${title}</text>${key}${panels}</svg>`;
  return `${svg.text}\n`;
}

function panel({ shape, about, variants }: Result): Markup {
  const ratios = variants.flatMap(({ epochs_1: one, epochs_3: three }) => [one, three]);
  const most = Math.max(...ratios.flatMap((each) => [each.to_stock_four, each.flops_to_stock_four]));
  const scale = linearScale([0, most], [0, PANEL - 34], { ticks: 5 });
  const bottom = 24 + variants.length * ROW;
  const grid = scale.ticks.map((tick) => {
    const x = scale.at(tick);
    return markup`<line class="grid" x1="${x}" x2="${x}" y1="18" y2="${bottom}"/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`;
  });
  const rows = variants.map((variant, row) => {
    const top = 24 + row * ROW;
    const colours = variant.variant.startsWith("+") ? (["blue", "green"] as const) : (["grey", "grey"] as const);
    const bars = [variant.epochs_1, variant.epochs_3].map((epochs, at) => {
      const y = top + 17 + at * 12;
      const [end, count] = [scale.at(epochs.to_stock_four), scale.at(epochs.flops_to_stock_four)];
      return markup`<g class="${colours[at] as string}"><rect class="fill" x="0" y="${y}" width="${end}" height="10" rx="1.5"/></g><line class="count" x1="${count}" x2="${count}" y1="${y - 1}" y2="${y + 11}"/><text class="ink" x="${Math.max(end, count) + 5}" y="${y + 9}">${epochs.to_stock_four.toFixed(2)}</text>`;
    });
    return markup`<text class="ink" x="0" y="${top + 12}">${variant.variant}</text>${bars}`;
  });
  return markup`<text class="strong" x="0" y="10">${shape}: ${about}</text>${grid}${rows}`;
}
