import { UserError } from "../errors.js";
import type { NamedResult } from "../evaluation/compare.js";
import type { EvalResult } from "../evaluation/eval-result.js";
import { renderTradeOffSvg, type FigureWithInterval } from "./trade-off-svg.js";

/** Metrics of hallucination and of coverage that benchmarks of free descriptions print, the first that fits is drawn. */
const AXES: readonly { hallucination: string; coverage: string }[] = [
  { hallucination: "chair_i", coverage: "recall" },
  { hallucination: "chair", coverage: "cover" },
];

/**
 * Draws CHAIR against coverage of compared results, with 95 % intervals.
 *
 * @param results - Of one benchmark.
 * @returns An SVG file's content.
 * @throws UserError when the benchmark has no two such metrics, or one is undefined.
 */
export function tradeOffSvg(results: readonly NamedResult[]): string {
  const [{ result: first }] = results as [NamedResult];
  const axes = AXES.find((pair) => Object.values(pair).every((name) => first.about.some((one) => one.name === name)));
  if (axes === undefined) {
    throw new UserError(`--plot draws CHAIR against coverage, which ${first.benchmark} does not measure; leave it out`);
  }
  const title = (name: string): string => `${first.about.find((one) => one.name === name)?.title ?? name} (%)`;
  const points = results.map(({ name, result }) => ({
    name,
    coverage: figureOf(name, result, axes.coverage),
    hallucination: figureOf(name, result, axes.hallucination),
  }));
  const images = first.bootstrap?.images;
  return renderTradeOffSvg(points, {
    coverage: `coverage: ${title(axes.coverage)}`,
    hallucination: `CHAIR: ${title(axes.hallucination)}`,
    caption: `${first.benchmark}, ${first.mode} mode, ${images} images; lines: 95 % bootstrap intervals by image.`,
  });
}

function figureOf(name: string, result: EvalResult, metric: string): FigureWithInterval {
  const value = result.metrics[metric] ?? null;
  if (value === null) throw new UserError(`${name}: ${metric} is undefined, nothing can be drawn; leave --plot out`);
  return { value, interval: result.interval[metric] ?? null };
}
