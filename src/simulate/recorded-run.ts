import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CurriculumPair } from "../curriculum/curriculum.js";
import { UserError } from "../errors.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { readPairs } from "../pairs/pair-rows.js";
import { sha256File } from "../files/sha256.js";
import type { ReferenceMove } from "../reference/reference.js";
import { readJournal } from "../run/journal.js";
import { readMetrics } from "../run/metrics.js";
import type { RecordedPlan } from "../run/plan.js";

/** The record of a run's decisions. */
export interface RecordedRun {
  readonly plan: RecordedPlan;
  /** One a step, in order, with the margins of the step's pairs. */
  readonly reports: readonly StepReport[];
  /** Moves of the reference within stages, by the step that they followed. */
  readonly moves: ReadonlyMap<number, ReferenceMove>;
  /** Steps that ended a stage. */
  readonly ended: ReadonlySet<number>;
}

/**
 * Reads a run's folder.
 *
 * @throws UserError when it holds no run, or none that took a step.
 */
export async function readRecordedRun(directory: string): Promise<RecordedRun> {
  const [journal, metrics] = [join(directory, "journal.jsonl"), join(directory, "metrics.jsonl")];
  for (const path of [journal, metrics]) {
    if (!existsSync(path)) throw new UserError(`${directory}: found no ${path}, expected the folder of a run`);
  }
  const entries = await readJournal(journal);
  const first = entries[0];
  if (first?.type !== "plan")
    throw new UserError(`${journal}: found no plan in its first line, expected one: is it cut?`);
  const reports = await readMetrics(metrics);
  if (reports.length === 0)
    throw new UserError(`${metrics}: found no steps, expected one or more: the run took none yet`);
  if (reports.some(({ pairs }) => (pairs as StepReport["pairs"] | undefined) === undefined)) {
    throw new UserError(`${metrics}: found steps without their pairs, expected a run of this version: train again`);
  }
  const moves = new Map<number, ReferenceMove>();
  const ended = new Set<number>();
  for (const entry of entries) {
    if (entry.type !== "decision") continue;
    const { step, moveReferenceAlpha: alpha, reason } = entry;
    if (alpha !== null) moves.set(step, { alpha, reason });
    if (entry.endStage) ended.add(step);
  }
  return { plan: first.plan, reports, moves, ended };
}

/**
 * Reads the pairs that a run was planned with.
 *
 * @throws UserError when the file is gone or another one.
 */
export async function readRecordedPairs({ dataset }: RecordedPlan): Promise<CurriculumPair[]> {
  const { path, sha256 } = dataset;
  if (!existsSync(path)) throw new UserError(`${path}: not found, expected the run's pairs: put the file back`);
  const found = await sha256File(path);
  if (found !== sha256) {
    throw new UserError(
      `${path}: found the SHA-256 ${found}, expected ${sha256}, the run's: the file has changed since`,
    );
  }
  const pairs = await readPairs(path, { images: false });
  return pairs.map(({ difficulty, stage }, pair) => ({ pair, difficulty, stage }));
}
