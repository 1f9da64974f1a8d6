import { CHECKPOINT_NAME, RUN_ID } from "../generated/rules.js";
import { invalid, type FieldViolation } from "./faults.js";

/** Why a run id does not serve; null when it does. */
export function runIdProblem(id: string, field: string): FieldViolation | null {
  if (RUN_ID.pattern.test(id)) return null;
  return { field, description: `found "${id.slice(0, 80)}", expected ${RUN_ID.expected}` };
}

/** Name of a run's resource. */
export const runName = (id: string): string => `runs/${id}`;

/** Name of a checkpoint's resource. */
export const checkpointName = (run: string, checkpoint: string): string => `${runName(run)}/checkpoints/${checkpoint}`;

/**
 * The id in a run's name.
 *
 * @throws RichServerError INVALID_ARGUMENT for anything but `runs/{run}`: no name can leave the folder of runs.
 */
export function runIdOf(name: string, field = "name"): string {
  const [collection, id, ...rest] = name.split("/");
  if (collection !== "runs" || id === undefined || rest.length > 0 || !RUN_ID.pattern.test(id)) {
    throw invalid({ field, description: `found "${name.slice(0, 80)}", expected runs/{run}` });
  }
  return id;
}

/** The ids in a checkpoint's name; errors as `runIdOf`. */
export function checkpointIdsOf(name: string, field = "name"): { run: string; checkpoint: string } {
  const [runs, run, checkpoints, checkpoint, ...rest] = name.split("/");
  const named = runs === "runs" && checkpoints === "checkpoints" && rest.length === 0;
  const right = named && RUN_ID.pattern.test(run ?? "") && CHECKPOINT_NAME.pattern.test(checkpoint ?? "");
  if (!right || run === undefined || checkpoint === undefined) {
    throw invalid({ field, description: `found "${name.slice(0, 80)}", expected runs/{run}/checkpoints/{checkpoint}` });
  }
  return { run, checkpoint };
}
