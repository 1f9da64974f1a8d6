import type { Trainer } from "../backend/trainer.js";
import { execute } from "./execute.js";
import type { RunEvent } from "./log/entries.js";
import type { RunPlan } from "./plan.js";
import type { RunPolicies } from "./policies.js";
import { RunFailedError } from "./failures.js";
import type { RunSummary } from "./read-run.js";

/** How a run is directed beside its plan. */
export interface DirectOptions {
  /** What decides after each step beside the plan. */
  policies?: RunPolicies;
  /** Told of everything that happens, in order; it must not throw. */
  onEvent?: (event: RunEvent) => void;
  /** Ends the run within five seconds: after the step under way, or by cutting it off. */
  signal?: AbortSignal;
  /** Whether per-pair records are received and written (default true). */
  telemetry?: boolean;
  /** Removes the files of an earlier run from the plan's directory (default false: they are a mistake). */
  replace?: boolean;
}

/**
 * Trains as planned with a trainer that is already up: `execute` without saved trainings and restarts, for short runs.
 *
 * @returns What became of the run; a cancelled run resolves too, with outcome "cancelled".
 * @throws UserError for a mistake in plan, data or policies; TrainerExitedError when Python dies.
 */
export async function direct(trainer: Trainer, plan: RunPlan, options: DirectOptions = {}): Promise<RunSummary> {
  const { policies = {}, ...others } = options;
  const definition = {
    id: plan.name,
    directory: plan.directory,
    plan,
    policies,
    backend: { kind: "embedded", threads: trainer.description.threads } as const,
    checkpoints: { everySteps: 0, keep: 1 },
    restarts: { limit: 0, firstDelaySeconds: 0, silenceMinutes: 30 },
  };
  const run = await execute(definition, { ...others, trainer });
  try {
    return await run.result();
  } catch (error) {
    throw error instanceof RunFailedError ? error.cause : error;
  }
}
