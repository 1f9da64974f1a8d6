import { cutStages } from "./stages.js";
import { UserError } from "../errors.js";
import type { CurriculumPair } from "./curriculum.js";
import { easyToHard } from "./pairs.js";

/**
 * Rows by level, easy first, in any order within a level.
 *
 * Levels are the pairs' `stage` column when it has `stages` of them, or when that is left out; otherwise pairs are
 * ranked by difficulty (ties: by row) and cut into levels whose sizes differ by one at most.
 *
 * @throws UserError when the levels cannot be formed.
 */
export function levels(pairs: readonly CurriculumPair[], stages: number | undefined): number[][] {
  if (stages === 1) return [pairs.map(({ pair }) => pair)];
  const unstaged = pairs.find(({ stage }) => stage === null);
  if (unstaged === undefined) {
    const groups = byStage(pairs);
    if (stages === undefined || groups.length === stages) return groups;
  } else if (stages === undefined) {
    throw new UserError(
      `curriculum: pair ${unstaged.pair} has no stage; expected a stage for every pair: ` +
        "score the pairs first, or set curriculum.stages",
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
