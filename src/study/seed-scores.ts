import type { Scored } from "../evaluation/benchmark.js";
import { type Difference, differenceOf, type Measure } from "../evaluation/compare.js";
import type { Scores } from "../evaluation/eval-result.js";
import { bootstrapSheet, type Draws } from "../evaluation/sheet-bootstrap.js";
import { TallySheet } from "../evaluation/tally-sheet.js";
import type { Interval } from "../numbers/statistics.js";
import { seedInterval } from "./seed-interval.js";

type Figures = Record<string, number | null>;

/** What the models of all seeds came to together, and each by itself. */
interface Seeds {
  together: Figures;
  bySeed: readonly Figures[];
  draws: Draws;
  /** Number of scenes. */
  scenes: number;
}

/**
 * Scores of a method's models of all seeds together, with intervals over seeds and scenes.
 *
 * @param runs - At least one seed, all of the same scenes.
 */
export function scoreSeeds(runs: readonly Scored[]): Scores {
  const { together, bySeed, draws, scenes } = seedsOf(runs);
  const interval = (name: string) => {
    const [value, seeds] = [together[name] ?? null, bySeed.map((each) => each[name] ?? null)];
    return percentages(seedInterval({ value, bySeed: seeds, draws: draws[name] ?? [], scenes }));
  };
  const names = Object.keys(draws);
  return {
    metrics: Object.fromEntries(names.map((name) => [name, together[name] ?? null])),
    interval: Object.fromEntries(names.map((name) => [name, interval(name)])),
  };
}

/**
 * One method against another, paired by seed and scene, with intervals over both.
 *
 * @param base - Each seed, or a model that was not trained.
 * @param other - Each seed.
 * @returns The difference of every figure, by its name; `a` is the base.
 */
export function compareSeeds(base: readonly Scored[], other: readonly Scored[]): Record<string, Difference> {
  const [a, b] = [seedsOf(base), seedsOf(other)];
  // A model that was not trained is the same for every seed.
  const bases = base.length === 1 ? b.bySeed.map(() => a.together) : a.bySeed;
  if (bases.length !== other.length) throw new RangeError(`seeds differ: ${bases.length} and ${other.length}`);
  const compare = (name: string): Difference => {
    const of = ({ together, draws }: Seeds) => ({ value: together[name] ?? null, draws: draws[name] ?? [] });
    return differenceOf(of(a), of(b), (draws, measure: Measure) => {
      const by = (left: Figures, right: Figures) => measure(left[name] ?? null, right[name] ?? null);
      const bySeed = bases.map((each, at) => by(each, b.bySeed[at] as Figures));
      return seedInterval({ value: by(a.together, b.together), bySeed, draws, scenes: a.scenes });
    });
  };
  return Object.fromEntries(Object.keys(a.draws).map((name) => [name, compare(name)]));
}

function seedsOf(runs: readonly Scored[]): Seeds {
  const [first] = runs;
  if (first === undefined) throw new RangeError("scores over seeds need at least one");
  const sheet = new TallySheet();
  for (const run of runs) {
    for (const scene of run.sheet.units) {
      for (const [column, value] of Object.entries(run.sheet.row(scene))) sheet.add(scene, column, value);
    }
  }
  const figures = ({ sheet: own }: Pick<Scored, "sheet">) => first.figures(own.totals());
  const draws = bootstrapSheet({ ...first, sheet });
  return { together: figures({ sheet }), bySeed: runs.map(figures), draws, scenes: sheet.size };
}

/** An interval of a percentage ends at 0 and 100. */
function percentages(interval: Interval | null): Interval | null {
  return interval === null ? null : [Math.max(0, interval[0]), Math.min(100, interval[1])];
}
