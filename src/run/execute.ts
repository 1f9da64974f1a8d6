import { mkdir } from "node:fs/promises";
import { sweepStaleSockets } from "../backend/stale-sockets.js";
import { UserError } from "../errors.js";
import { clearStopRequests } from "./stop-request.js";
import type { ExecuteOptions, RunDefinition } from "./definition.js";
import { Execution } from "./execution.js";
import type { RunHandle } from "./handle.js";
import { entryOf, type FoldedLog, trainingEnd } from "./log/fold.js";
import { readFolded } from "./log/read.js";
import { RunLog } from "./log/run-log.js";
import { takeHold } from "./hold.js";
import type { Phase } from "./phase.js";
import { checkPlan } from "./plan-problems.js";
import { checkPolicies } from "./policies.js";
import { refuseEarlierVersion, requireNoRun, runPaths } from "./run-files.js";
import { directedHere, openHandle } from "./handle.js";
import { StopRequest } from "./stop-request.js";
import { Training } from "./training.js";

/**
 * Begins a run, or resumes one that died, failed, was paused or cancelled: from its newest saved training, and to
 * the end that it would have had. Of a run whose training ended as planned, or by a policy, only what is missing of the
 * later phases is made.
 *
 * @returns Once this process holds the run; the trainer is not up yet.
 * @throws UserError for a mistake in the definition, or when another process holds the run.
 */
export async function execute(definition: RunDefinition, options: ExecuteOptions = {}): Promise<RunHandle> {
  checkPlan({ ...definition.plan, directory: definition.directory });
  checkPolicies(definition.plan, definition.policies);
  checkDefinition(definition);
  const { directory } = definition;
  const paths = runPaths(directory);
  await mkdir(directory, { recursive: true });
  const hold = await takeHold(paths.hold);
  try {
    const training = new Training(definition, paths, {
      telemetry: options.telemetry ?? true,
      isGiven: options.trainer !== undefined,
    });
    const phases = [training, ...(options.phases ?? [])];
    if (options.resume === true) {
      refuseEarlierVersion(directory);
      const found = await readFolded(paths.log);
      requireFunctions(definition, found);
      if (await isOver(phases, found)) {
        await hold.release();
        return openHandle(directory);
      }
    } else {
      await requireNoRun(directory, options.replace ?? false);
    }
    await sweepStaleSockets();
    await clearStopRequests(paths.control);
    const log = await RunLog.open(paths.log);
    const stop = new StopRequest();
    const execution = new Execution({ definition, options, phases, paths, stop, log });
    const ended = execution.run().finally(() => hold.release());
    return directedHere(definition, stop, ended);
  } catch (error) {
    await hold.release();
    throw error;
  }
}

/** What the caller's functions decided cannot be decided without them. */
function requireFunctions({ functions = [] }: RunDefinition, log: FoldedLog): void {
  const missing = entryOf(log, "started")?.functions?.filter((name) => !functions.includes(name)) ?? [];
  if (missing.length === 0 || trainingEnd(log) !== null) return;
  throw new UserError(
    `policies: found no function for ${missing.join(", ")}, but the run began with one: resume it from TypeScript, ` +
      "resumeRun(folder, { policies }), with the functions it began with",
  );
}

/** Whether the run ended well and nothing is missing. */
async function isOver(phases: readonly Phase[], log: FoldedLog): Promise<boolean> {
  const end = log.entries.at(-1);
  if (end?.type !== "ended" || (end.outcome !== "completed" && end.outcome !== "stopped")) return false;
  for (const phase of phases) if (!(await phase.isOver(log))) return false;
  return true;
}

function checkDefinition({ checkpoints, restarts }: RunDefinition): void {
  const expect = (holds: boolean, field: string, found: number, expected: string) => {
    if (!holds) throw new UserError(`run: ${field}: found ${found}, expected ${expected}`);
  };
  const isCount = (value: number) => Number.isInteger(value) && value >= 0;
  const { everySteps, keep } = checkpoints;
  expect(isCount(everySteps), "checkpoints.everySteps", everySteps, "a whole number of at least 0");
  expect(isCount(keep) && keep > 0, "checkpoints.keep", keep, "a whole number of at least 1");
  const { limit, firstDelaySeconds: delay, silenceMinutes } = restarts;
  expect(isCount(limit), "restarts.limit", limit, "a whole number of at least 0");
  expect(silenceMinutes > 0, "restarts.silenceMinutes", silenceMinutes, "a number above 0");
  expect(Number.isFinite(delay) && delay >= 0, "restarts.firstDelaySeconds", delay, "a number of at least 0");
}
