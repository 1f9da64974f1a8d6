import { UserError } from "../errors.js";
import { arranged } from "./arrange.js";
import type { Curriculum, CurriculumOptions, CurriculumPair, CurriculumStage } from "./curriculum.js";
import { curriculumOrders } from "./curriculum.js";
import { shuffled } from "./shuffle.js";
import { cutStages } from "./stages.js";

const MAX_ROW = 0xffffffff;

/**
 * Stages of rising difficulty (or falling, or mixed as a control), shuffled inside a stage.
 *
 * Levels come from the pairs' `stage` column when it has `options.stages` of them (or that is left out); otherwise pairs
 * are ranked by difficulty (ties: by row) and cut into groups whose sizes differ by one at most. `"shuffled"` keeps
 * number and sizes of the groups, and so the number of steps, but draws every group from all pairs. Inside a stage each
 * epoch uses every pair once, in an order of its own. A last batch that is not full is filled by repeating the stage's
 * sequence from its front.
 *
 * @param pairs The pairs to use; each row once.
 * @returns One entry a stage, in the order of training.
 * @throws UserError when stages cannot be formed.
 */
export const staged: Curriculum = (pairs, options) => {
  check(pairs, options);
  const levels = grouped(pairs, options.stages).map((rows) => Uint32Array.from(rows).sort());
  const names = namesOf(levels.length, options.order);
  return arranged(levels, options.order, options.seed).map((rows, stage) =>
    sequence(names[stage] as string, rows, stage, options),
  );
};

function check(pairs: readonly CurriculumPair[], options: CurriculumOptions): void {
  if (!curriculumOrders.includes(options.order)) {
    throw new UserError(
      `curriculum.order: found "${String(options.order)}", expected one of ${curriculumOrders.join(", ")}`,
    );
  }
  for (const field of ["stages", "epochs", "effectiveBatch"] as const) {
    const value = options[field] ?? 1;
    if (!Number.isInteger(value) || value < 1) {
      throw new UserError(`curriculum.${field}: found ${value}, expected a whole number of at least 1`);
    }
  }
  if (!Number.isSafeInteger(options.seed) || options.seed < 0) {
    throw new UserError(`curriculum.seed: found ${options.seed}, expected a whole number of at least 0`);
  }
  if (pairs.length === 0) throw new UserError("curriculum: found no pairs, expected at least one");
  const seen = new Set<number>();
  for (const { pair } of pairs) {
    if (seen.has(pair)) throw new UserError(`curriculum: found pair ${pair} twice, expected every row once`);
    if (!Number.isInteger(pair) || pair < 0 || pair > MAX_ROW) {
      throw new UserError(`curriculum: found pair ${pair}, expected the row of a pair, 0 to ${MAX_ROW}`);
    }
    seen.add(pair);
  }
}

/** Rows by level, easy first, in any order within a level. */
function grouped(pairs: readonly CurriculumPair[], stages: number | undefined): number[][] {
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
  const unscored = pairs.find(({ difficulty }) => difficulty === null || !Number.isFinite(difficulty));
  if (unscored !== undefined) {
    throw new UserError(
      `curriculum: pair ${unscored.pair} has no difficulty; expected one for every pair to cut ${stages} stages: score the pairs first`,
    );
  }
  if (pairs.length < stages) {
    throw new UserError(
      `curriculum.stages: found ${stages} stages for ${pairs.length} pairs, expected a pair or more a stage`,
    );
  }
  const byRow = [...pairs].sort((a, b) => a.pair - b.pair);
  const levels = cutStages(
    byRow.map(({ difficulty }) => difficulty as number),
    stages,
  );
  return Array.from({ length: stages }, (_, level) =>
    byRow.filter((_, at) => levels[at] === level).map(({ pair }) => pair),
  );
}

function sequence(name: string, rows: Uint32Array, stage: number, options: CurriculumOptions): CurriculumStage {
  const epochs = Array.from({ length: options.epochs }, (_, epoch) => shuffled(rows, options.seed, stage, epoch));
  const pairs = epochs.flatMap((epoch) => Array.from(epoch));
  const used = pairs.length;
  const padding = (options.effectiveBatch - (used % options.effectiveBatch)) % options.effectiveBatch;
  for (let filler = 0; filler < padding; filler += 1) pairs.push(pairs[filler % used] as number);
  return { name, pairs, padding };
}

function namesOf(levels: number, order: CurriculumOptions["order"]): string[] {
  if (order === "shuffled") return Array.from({ length: levels }, (_, level) => `mixed-${level + 1}`);
  const names =
    levels === 1
      ? ["all"]
      : levels === 2
        ? ["easy", "hard"]
        : levels === 3
          ? ["easy", "medium", "hard"]
          : Array.from({ length: levels }, (_, level) => `level-${level + 1}`);
  return order === "hard-to-easy" ? names.reverse() : names;
}
