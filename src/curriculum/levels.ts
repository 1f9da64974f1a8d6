import { checkBounds, cutStages, stagesByBounds } from "./stages.js";
import { UserError } from "../errors.js";
import type { CurriculumPair } from "./curriculum.js";
import { easyToHard } from "./pairs.js";

/** How levels are formed; at most one of the two. */
export interface Cut {
  /** So many levels. */
  readonly stages?: number | undefined;
  /** Difficulties at which harder levels begin. */
  readonly bounds?: readonly number[] | undefined;
}

/**
 * Rows by level, easy first, in any order within a level.
 *
 * Levels are the pairs' `stage` column when it has `stages` of them, or when `stages` is not set; otherwise pairs are
 * cut at the bounds, or ranked by difficulty (ties: by row) and cut into levels whose sizes differ by one at most.
 *
 * @throws UserError when the levels cannot be formed.
 */
export function levels(pairs: readonly CurriculumPair[], { stages, bounds }: Cut): number[][] {
  if (bounds !== undefined) return byBounds(pairs, bounds);
  if (stages === 1) return [pairs.map(({ pair }) => pair)];
  const unstaged = pairs.find(({ stage }) => stage === null);
  if (unstaged === undefined) {
    const groups = byStage(pairs);
    if (stages === undefined || groups.length === stages) return groups;
  } else if (stages === undefined) {
    throw new UserError(
      `curriculum: pair ${unstaged.pair} has no stage; expected a stage for every pair: grade the pairs without ` +
        "trimming (curriculum.trim leaves out the hardest here), or set curriculum.stages or curriculum.bounds",
    );
  }
  return byDifficulty(pairs, stages);
}

/** Names of so many levels, easy first. */
export function levelNames(count: number): string[] {
  if (count === 1) return ["all"];
  if (count === 2) return ["easy", "hard"];
  if (count === 3) return ["easy", "medium", "hard"];
  return Array.from({ length: count }, (_, level) => `level-${level + 1}`);
}

function byStage(pairs: readonly CurriculumPair[]): number[][] {
  const groups = new Map<number, number[]>();
  for (const { pair, stage } of pairs) {
    const rows = groups.get(stage as number);
    if (rows === undefined) groups.set(stage as number, [pair]);
    else rows.push(pair);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}

function byDifficulty(pairs: readonly CurriculumPair[], stages: number): number[][] {
  const ranked = easyToHard(pairs, `to cut ${stages} stages`);
  if (ranked.length < stages) {
    throw new UserError(
      `curriculum.stages: found ${stages} stages for ${ranked.length} pairs, expected a pair or more a stage`,
    );
  }
  const cut = cutStages([...ranked.keys()], stages);
  return Array.from({ length: stages }, (_, level) => ranked.filter((_, rank) => cut[rank] === level));
}

function byBounds(pairs: readonly CurriculumPair[], bounds: readonly number[]): number[][] {
  checkBounds(bounds, "curriculum.bounds");
  const purpose = `to cut stages at ${bounds.join(", ")}`;
  const ranked = easyToHard(pairs, purpose);
  const difficulties = new Map(pairs.map(({ pair, difficulty }) => [pair, difficulty as number]));
  const cut = stagesByBounds(
    ranked.map((pair) => difficulties.get(pair) as number),
    bounds,
  );
  const formed = Array.from({ length: bounds.length + 1 }, (_, level) =>
    ranked.filter((_, rank) => cut[rank] === level),
  );
  const empty = formed.findIndex(({ length }) => length === 0);
  if (empty < 0) return formed;
  throw new UserError(
    `curriculum.bounds: found ${bounds.join(", ")}, by which stage ${empty} would hold no pair; move the bounds`,
  );
}
