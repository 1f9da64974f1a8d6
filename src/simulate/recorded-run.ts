import { existsSync } from "node:fs";
import type { CurriculumPair } from "../curriculum/curriculum.js";
import { UserError } from "../errors.js";
import type { StepReport } from "../generated/scpo/v1/trainer.js";
import { gradedPairs, readGrades } from "../pairs/graded-rows.js";
import { sha256File } from "../files/sha256.js";
import type { ReferenceMove } from "../reference/reference.js";
import { readEntries } from "../run/log/read.js";
import type { RecordedPlan } from "../run/plan.js";
import { refuseEarlierVersion, runPaths } from "../run/run-files.js";

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
  const { log } = runPaths(directory);
  refuseEarlierVersion(directory);
  if (!existsSync(log)) throw new UserError(`${directory}: found no ${log}, expected the folder of a run`);
  let plan: RecordedPlan | undefined;
  const reports: StepReport[] = [];
  const moves = new Map<number, ReferenceMove>();
  const ended = new Set<number>();
  for await (const entry of readEntries(log)) {
    if (entry.type === "started") ({ plan } = entry);
    else if (entry.type === "step") reports.push(entry.report);
    else if (entry.type === "reference-moved") moves.set(entry.step, entry);
    else if (entry.type === "decision" && entry.decision.endStage) ended.add(entry.decision.step);
  }
  if (plan === undefined || reports.length === 0) {
    throw new UserError(`${log}: found no steps, expected one or more: the run took none yet`);
  }
  return { plan, reports, moves, ended };
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
  return gradedPairs(await readGrades(path));
}
