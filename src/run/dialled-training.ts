import { isDeepStrictEqual } from "node:util";
import { dialledTrainer } from "../backend/dialled/dialled-trainer.js";
import type { Door } from "../backend/dialled/door.js";
import { type Trainer, TrainerExitedError } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import type { TrainingOffer } from "../generated/scpo/v1/director.js";
import { OFFERED, type RunPlan } from "./plan.js";

/** How a training is waited for. */
export interface WaitOptions {
  readonly signal: AbortSignal;
  /** How long to wait for one to dial; left out: until one does. */
  readonly patienceMilliseconds?: number;
  readonly silenceMilliseconds: number;
  readonly logPath: string;
  readonly keepTrainings: number;
}

/**
 * Waits for a training that the plan fits, and sends away those that it does not.
 *
 * @param door Where it dials.
 * @throws TrainerExitedError when none comes in time.
 */
export async function dialledTraining(
  door: Door | undefined,
  plan: RunPlan,
  { signal, patienceMilliseconds, ...options }: WaitOptions,
): Promise<Trainer> {
  if (door === undefined) {
    throw new UserError("backend.kind: found dialled, which needs a door: start the run with scpo direct or startRun");
  }
  for (;;) {
    const caller = await door.look(signal, patienceMilliseconds);
    if (caller === undefined) {
      const minutes = Math.round((patienceMilliseconds ?? 0) / 60_000);
      const lost = `no training dialled ${door.address} again within ${minutes} minutes (restarts.silence_minutes)`;
      throw new TrainerExitedError({ code: null, signal: null, expected: false, logTail: "", lost }, options.logPath);
    }
    const problem = offerProblem(plan, caller.offer);
    if (problem === undefined) {
      door.take(caller);
      return dialledTrainer(caller, options);
    }
    door.refuse(caller, problem);
  }
}

/** Why a plan cannot be followed with a training, in one line; undefined: it can. */
function offerProblem(plan: RunPlan, offer: TrainingOffer): string | undefined {
  const { rows, own } = offer;
  const last = plan.stages.reduce((most, stage) => {
    for (const row of [...stage.pairs, ...(stage.heldOut ?? [])]) if (row > most) most = row;
    return most;
  }, 0);
  const run = `the run ${JSON.stringify(plan.name)}`;
  if (rows <= last) {
    return `rows: found ${rows}, expected at least ${last + 1}, which ${run} draws from: start the training with all of them`;
  }
  if (plan.dataset.path === OFFERED && own?.dataset?.sha256 !== plan.dataset.sha256) {
    return `rows: found others, or in another order, than ${run} was planned for: start the training with the same data set`;
  }
  for (const [field, found, expected] of [
    ["pairs of a pass", own?.batchSize, plan.batchSize],
    ["passes of a step", own?.gradientAccumulationSteps, plan.gradientAccumulationSteps],
  ] as const) {
    if (found === expected) continue;
    return (
      `${field}: found ${found}, expected ${expected}, as ${run} was planned: start the training with its ` +
      "per_device_train_batch_size, gradient_accumulation_steps and processes"
    );
  }
  // Runs of former versions know fewer.
  const theirs = JSON.parse(own?.settings ?? "{}") as RunPlan["training"];
  for (const [name, expected] of Object.entries(plan.training)) {
    if (isDeepStrictEqual(theirs[name] ?? null, expected)) continue;
    return (
      `${name}: found ${JSON.stringify(theirs[name] ?? null)}, expected ${JSON.stringify(expected)}, with which ${run} ` +
      "began: start the training with the same settings, or begin a run anew"
    );
  }
  return undefined;
}
