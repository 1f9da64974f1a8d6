import { openSocketDirectory } from "../backend/socket-directory.js";
import type { Trainer } from "../backend/trainer.js";
import { TrainerExitedError } from "../backend/trainer.js";
import type { TelemetryReceiver, TelemetryTotals } from "../telemetry/receiver.js";
import { openTelemetryReceiver } from "../telemetry/receiver.js";
import { Dialogue, type DialogueParts } from "./dialogue.js";
import type { RunOutcome } from "./log/entries.js";
import type { History } from "./history.js";
import { Outbox } from "./outbox.js";
import { startTraining } from "./trainer-requests.js";
import type { StopRequest } from "./stop-request.js";

/** The final telemetry message of a training that was cut off may never come. */
const drainAfterStopMilliseconds = 100;

/** What one trainer is given to do. */
export interface AttemptParts extends Omit<DialogueParts, "outbox" | "cancellation"> {
  readonly history: History;
  /** Whether per-pair records are received and written. */
  readonly telemetry: boolean;
}

/** How training ended. */
export interface AttemptEnd {
  readonly outcome: RunOutcome;
  readonly reason: string;
  readonly steps: number;
  readonly telemetry: TelemetryTotals | null;
}

/**
 * Trains with one trainer from where the history ends to the end of training: holds the Train stream, decides after every
 * optimiser step, writes the log and the records.
 *
 * @param trainer The model to begin from is loaded in it.
 * @throws TrainerExitedError when it dies; UserError, LossNotFiniteError, OutOfMemoryError, CheckpointDamagedError.
 */
export async function attempt(trainer: Trainer, parts: AttemptParts): Promise<AttemptEnd> {
  if (!parts.telemetry || !trainer.telemetry) return { ...(await converse(trainer, parts, "")), telemetry: null };
  const sockets = openSocketDirectory();
  let receiver: TelemetryReceiver | undefined;
  try {
    const endpoint = `ipc://${sockets.socket("telemetry.sock")}`;
    receiver = await openTelemetryReceiver({ endpoint, path: parts.paths.pairRecords });
    const end = await converse(trainer, parts, receiver.endpoint);
    const drain = end.outcome === "cancelled" || end.outcome === "paused" ? drainAfterStopMilliseconds : undefined;
    return { ...end, telemetry: await receiver.close(drain) };
  } finally {
    // After a failure nothing more comes.
    await receiver?.close(0).catch(() => undefined);
    sockets.remove();
  }
}

/** Holds the Train stream from its first request to its end. */
async function converse(
  trainer: Trainer,
  parts: AttemptParts,
  endpoint: string,
): Promise<Omit<AttemptEnd, "telemetry">> {
  const { plan, paths, history, stop } = parts;
  const outbox = new Outbox();
  const cut = new AbortController();
  const dialogue = new Dialogue({ ...parts, outbox, cancellation: cancellationOf(stop, trainer) });
  await dialogue.replay(history);
  // A paused run with nothing to save need not wait for the next step.
  const cutIfSaved = () => {
    if (stop.stop?.kind === "pause" && dialogue.isSaved) cut.abort();
  };
  stop.requested.addEventListener("abort", cutIfSaved);
  try {
    outbox.send({ $case: "start", value: startTraining(plan, paths.checkpoints, endpoint, history.name) });
    const signal = AbortSignal.any([stop.cutOff, cut.signal]);
    cutIfSaved();
    for await (const { response } of trainer.client.train(outbox, { signal })) {
      // A report that was on its way when the run was cut would be a step that nothing has saved.
      signal.throwIfAborted();
      if (response !== undefined) await dialogue.take(response);
      cutIfSaved();
    }
    if (dialogue.outcome === undefined) throw new Error("The trainer closed the stream before training ended.");
    const reason = dialogue.outcome === "paused" ? stop.stop?.reason : dialogue.reason;
    return { outcome: dialogue.outcome, reason: reason ?? "", steps: dialogue.step };
  } catch (error) {
    const outcome = stop.cutOff.aborted ? "cancelled" : cut.signal.aborted ? "paused" : undefined;
    if (outcome === undefined) throw error;
    return { outcome, reason: stop.stop?.reason ?? "", steps: dialogue.step };
  } finally {
    stop.requested.removeEventListener("abort", cutIfSaved);
    outbox.end();
  }
}

function cancellationOf(stop: StopRequest, trainer: Trainer) {
  const exited = trainer.exited.then((exit): never => {
    throw new TrainerExitedError(exit, trainer.logPath);
  });
  const interruption = Promise.race([stop.cancelled, exited]);
  interruption.catch(() => undefined);
  return {
    interruption,
    get stop() {
      return stop.stop?.kind === "cancel" ? stop.stop : null;
    },
  };
}
