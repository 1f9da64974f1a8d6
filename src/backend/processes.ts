import { describeRemote } from "./remote.js";
import type { BackendSettings } from "./settings.js";

/**
 * How many processes train together: as the settings say, or as a trainer that runs already answers; a training that
 * dials says it in its offer.
 *
 * @throws UserError and TrainerExitedError as `openTrainer` does, of a remote trainer alone.
 */
export async function processesOf(backend: BackendSettings): Promise<number> {
  if (backend.kind === "embedded" || backend.kind === "dialled") return 1;
  if (backend.kind === "launched") return backend.processes;
  return Math.max((await describeRemote(backend)).processes, 1);
}
