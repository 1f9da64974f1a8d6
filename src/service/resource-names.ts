import { invalid, type FieldViolation } from "./faults.js";

const runId = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const checkpointId = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

/** Why a run id does not serve; null when it does. */
export function runIdProblem(id: string, field: string): FieldViolation | null {
  if (runId.test(id)) return null;
  return {
    field,
    description: `found "${id.slice(0, 80)}", expected 1 to 63 of a-z, 0-9 and "-", beginning with a letter and not ending with "-"`,
  };
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
  if (collection !== "runs" || id === undefined || rest.length > 0 || !runId.test(id)) {
    throw invalid({ field, description: `found "${name.slice(0, 80)}", expected runs/{run}` });
  }
  return id;
}

/** The ids in a checkpoint's name; errors as `runIdOf`. */
export function checkpointIdsOf(name: string, field = "name"): { run: string; checkpoint: string } {
  const [runs, run, checkpoints, checkpoint, ...rest] = name.split("/");
  const right = runs === "runs" && checkpoints === "checkpoints" && rest.length === 0;
  if (!right || run === undefined || !runId.test(run) || checkpoint === undefined || !checkpointId.test(checkpoint)) {
    throw invalid({ field, description: `found "${name.slice(0, 80)}", expected runs/{run}/checkpoints/{checkpoint}` });
  }
  return { run, checkpoint };
}
