import { openSocketDirectory } from "../backend/socket-directory.js";
import type { Trainer } from "../backend/trainer.js";
import type { TelemetryReceiver, TelemetryTotals } from "../telemetry/receiver.js";
import { openTelemetryReceiver } from "../telemetry/receiver.js";
import { Cancellation } from "./cancellation.js";
import { Dialogue } from "./dialogue.js";
import type { RunEvent } from "./events.js";
import { Outbox } from "./outbox.js";
import type { RunPlan } from "./plan.js";
import { recordedPlan } from "./plan.js";
import { checkPlan } from "./plan-problems.js";
import type { RunPolicies } from "./policies.js";
import { checkPolicies } from "./policies.js";
import { startTraining } from "./requests.js";
import type { RunFiles } from "./run-files.js";
import { claimDirectory, openRunFiles } from "./run-files.js";
import type { RunSummary } from "./summary.js";

/** The final telemetry message of a training that was cut off may never come. */
const drainAfterCancelMilliseconds = 300;

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
 * Trains as planned: loads the model, holds the Train stream, decides after every optimiser step, and writes
 * `journal.jsonl`, `metrics.jsonl`, `pair-records.jsonl` and `checkpoints/` into the plan's directory.
 *
 * @returns What became of the run; a cancelled run resolves too, with outcome "cancelled".
 * @throws UserError for a mistake in plan, data or policies; TrainerExitedError when Python dies; AbortError when the
 *   signal comes before the model is loaded and anything is written.
 */
export async function direct(trainer: Trainer, plan: RunPlan, options: DirectOptions = {}): Promise<RunSummary> {
  checkPlan(plan);
  checkPolicies(plan, options.policies ?? {});
  await claimDirectory(plan.directory, options.replace ?? false);
  const started = performance.now();
  const loading = options.signal === undefined ? {} : { signal: options.signal };
  const { weightsSha256 } = await trainer.client.loadModel({ path: plan.model }, loading);
  const files = await openRunFiles(plan.directory);
  try {
    await files.journal.write({ type: "plan", plan: recordedPlan(plan), weightsSha256 });
    const { progress, telemetry } = await withTelemetry(files, options.telemetry ?? true, (endpoint) =>
      converse(trainer, plan, files, endpoint, options),
    );
    const seconds = (performance.now() - started) / 1000;
    return { ...progress, seconds, initialWeightsSha256: weightsSha256, telemetry };
  } finally {
    await files.close();
  }
}

/** Holds the Train stream from its first request to its end. */
async function converse(
  trainer: Trainer,
  plan: RunPlan,
  files: RunFiles,
  endpoint: string,
  options: DirectOptions,
): Promise<Dialogue["progress"]> {
  const { policies = {}, onEvent: emit = () => undefined, signal } = options;
  const started = performance.now();
  const outbox = new Outbox();
  const cancellation = new Cancellation(signal, trainer);
  const dialogue = new Dialogue({ plan, policies, files, outbox, cancellation, emit });
  try {
    outbox.send({ $case: "start", value: startTraining(plan, files.paths.checkpoints, endpoint) });
    for await (const { response } of trainer.client.train(outbox, { signal: cancellation.cutOff })) {
      if (response !== undefined) await dialogue.take(response);
    }
    if (!dialogue.ended) throw new Error("The trainer closed the stream before training ended.");
  } catch (error) {
    if (!cancellation.cutOff.aborted) throw error;
    await dialogue.end("cancelled", (performance.now() - started) / 1000);
  } finally {
    cancellation.dispose();
    outbox.end();
  }
  return dialogue.progress;
}

/** Receives per-pair records while `work` runs; an empty endpoint tells the trainer to send none. */
async function withTelemetry(
  files: RunFiles,
  wanted: boolean,
  work: (endpoint: string) => Promise<Dialogue["progress"]>,
): Promise<{ progress: Dialogue["progress"]; telemetry: TelemetryTotals | null }> {
  if (!wanted) return { progress: await work(""), telemetry: null };
  const sockets = openSocketDirectory();
  let receiver: TelemetryReceiver | undefined;
  try {
    const endpoint = `ipc://${sockets.socket("telemetry.sock")}`;
    receiver = await openTelemetryReceiver({ endpoint, path: files.paths.pairRecords });
    const progress = await work(receiver.endpoint);
    const drain = progress.outcome === "cancelled" ? drainAfterCancelMilliseconds : undefined;
    return { progress, telemetry: await receiver.close(drain) };
  } finally {
    // After a failure nothing more comes.
    await receiver?.close(0).catch(() => undefined);
    sockets.remove();
  }
}
