import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openTrainer } from "../backend/open-trainer.js";
import { isLocalAddress } from "../backend/settings.js";
import type { Trainer } from "../backend/trainer.js";
import { TrainerExitedError } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import type { AttemptEnd } from "./attempt.js";
import { attempt } from "./attempt.js";
import { watchRequests } from "./control.js";
import type { ExecuteOptions, RunDefinition } from "./definition.js";
import type { EventLog } from "./event-log.js";
import type { RunEvent } from "./events.js";
import type { History } from "./history.js";
import { goBackToSaved } from "./history.js";
import type { JournalLine } from "./journal.js";
import { openJournal } from "./journal.js";
import type { RunPlan } from "./plan.js";
import { recordedPlan } from "./plan.js";
import { differenceOf } from "./plan-difference.js";
import { readSummary } from "./read-run.js";
import { LossNotFiniteError, RunFailedError } from "./run-failed.js";
import type { RunPaths } from "./run-files.js";
import { openRunFiles } from "./run-files.js";
import { smallerMicroBatch } from "./micro-batch.js";
import type { StopRequest } from "./stop-request.js";
import type { RunSummary } from "./summary.js";
import { CheckpointDamagedError, OutOfMemoryError } from "./training-failed.js";

/** What an execution works with. */
export interface ExecutionParts {
  readonly definition: RunDefinition;
  readonly options: ExecuteOptions;
  readonly paths: RunPaths;
  readonly stop: StopRequest;
  readonly events: EventLog;
}

/** Brings a run to its end, through the deaths of its trainers and other faults that can be mended. */
export class Execution {
  readonly #parts: ExecutionParts;
  readonly #useless = new Set<string>();
  #trainer: Trainer | undefined;
  /** Trainers that died since a training was saved last. */
  #deaths = 0;
  /** Optimiser steps done. */
  #steps = 0;
  #microBatch: History["microBatch"] = null;

  constructor(parts: ExecutionParts) {
    this.#parts = parts;
  }

  /**
   * @returns What became of the run.
   * @throws RunFailedError when a fault cannot be mended.
   */
  async run(): Promise<RunSummary> {
    const { definition, options, paths, stop, events } = this.#parts;
    const cancel = () => stop.cancel("cancelled by the caller");
    options.signal?.addEventListener("abort", cancel);
    if (options.signal?.aborted === true) cancel();
    const unwatch = watchRequests(paths.control, stop);
    try {
      await this.#emit({ type: "claimed", processId: process.pid });
      const end = await this.#untilItEnds(options.resume === true ? "resumed by the caller" : null);
      await this.#end(end);
      await this.#letGo();
      return await readSummary(definition.directory);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      await this.#fail(cause);
      await this.#letGo();
      throw new RunFailedError(definition.directory, cause);
    } finally {
      unwatch();
      options.signal?.removeEventListener("abort", cancel);
      stop.dispose();
      await events.close().catch(() => undefined);
    }
  }

  async #untilItEnds(reason: string | null): Promise<AttemptEnd> {
    const { paths, stop } = this.#parts;
    let resumedBecause = reason;
    for (;;) {
      const history = await goBackToSaved(paths, this.#useless);
      this.#steps = history.step;
      this.#microBatch = history.microBatch;
      for (const damage of history.damaged) await this.#emit({ type: "file-damaged", ...damage });
      try {
        return await this.#attempt(history, resumedBecause);
      } catch (error) {
        // What follows from giving up waiting is no failure.
        if (stop.stop !== null && stop.requested.aborted && !isOfTraining(error)) return this.#given();
        resumedBecause = await this.#mend(error);
      }
      if (stop.stop !== null) return this.#given();
    }
  }

  /** How a run ends that is cancelled or paused while nothing is trained. */
  #given(): AttemptEnd {
    const { stop } = this.#parts.stop;
    const outcome = stop?.kind === "pause" ? "paused" : "cancelled";
    return { outcome, reason: stop?.reason ?? "", steps: this.#steps, telemetry: null };
  }

  async #attempt(history: History, resumedBecause: string | null): Promise<AttemptEnd> {
    const { definition, options, paths, stop } = this.#parts;
    const trainer = await this.#openTrainer();
    stop.requested.throwIfAborted();
    const plan: RunPlan = { ...definition.plan, directory: definition.directory, ...this.#microBatch };
    const loading = trainer.client.loadModel({ path: plan.model }, { signal: stop.requested });
    const { weightsSha256 } = await loading;
    const begun = history.entries.find((entry) => entry.type === "plan");
    const recorded = recordedPlan({ ...definition.plan, directory: definition.directory });
    if (begun !== undefined) requireSame(begun, { plan: recorded, weightsSha256 });
    const files = await openRunFiles(paths);
    try {
      if (begun === undefined) await files.journal.write({ type: "plan", plan: recorded, weightsSha256 });
      return await attempt(trainer, {
        plan,
        policies: definition.policies,
        checkpoints: definition.checkpoints,
        history,
        resumedBecause: begun === undefined ? null : (resumedBecause ?? ""),
        files,
        stop,
        emit: (event) => this.#emit(event),
        telemetry: (options.telemetry ?? true) && this.#hearsTelemetry(),
      });
    } finally {
      await files.close();
    }
  }

  /** Makes good what can be made good; gives the reason of the resumption that follows, or throws what cannot. */
  async #mend(error: unknown): Promise<string> {
    const { definition, options, stop } = this.#parts;
    if (error instanceof CheckpointDamagedError) {
      this.#useless.add(error.checkpoint);
      await this.#emit({ type: "checkpoint-damaged", name: error.checkpoint, reason: error.message });
      return error.message;
    }
    if (error instanceof OutOfMemoryError) return this.#halve(error);
    if (!(error instanceof TrainerExitedError) || options.trainer !== undefined) throw error;
    this.#trainer = undefined;
    this.#deaths += 1;
    const { limit, firstDelaySeconds } = definition.restarts;
    if (this.#deaths > limit) throw error;
    const delaySeconds = firstDelaySeconds * 2 ** (this.#deaths - 1);
    await this.#emit({ type: "trainer-exited", reason: error.message, restart: this.#deaths, limit, delaySeconds });
    await sleep(1000 * delaySeconds, undefined, { signal: stop.requested }).catch(() => undefined);
    return error.message.split("; its log")[0] ?? error.message;
  }

  async #halve(error: OutOfMemoryError): Promise<string> {
    const { batchSize, gradientAccumulationSteps } = { ...this.#parts.definition.plan, ...this.#microBatch };
    const smaller = smallerMicroBatch({ batchSize, gradientAccumulationSteps });
    if (smaller === null) {
      throw new UserError(
        `memory does not suffice for a forward pass of one pair (${error.message}): free some, take smaller pictures or ` +
          "a smaller model, or freeze more of it",
        { cause: error },
      );
    }
    const halved = { step: this.#steps, ...smaller, reason: error.message };
    await this.#write({ type: "micro-batch", ...halved });
    await this.#emit({ type: "micro-batch-halved", ...halved });
    // What the failed one still holds of the memory goes with it.
    await this.#letGo();
    return `out of memory: micro-batch ${smaller.batchSize}, accumulated ${smaller.gradientAccumulationSteps} times`;
  }

  async #openTrainer(): Promise<Trainer> {
    const { definition, options, paths, stop } = this.#parts;
    if (options.trainer !== undefined) return options.trainer;
    if (this.#trainer !== undefined) return this.#trainer;
    // Each start empties the log; that of the one that died stays for whoever asks why.
    if (existsSync(paths.trainerLog)) await rename(paths.trainerLog, `${paths.trainerLog}.previous`);
    const { dataset, model } = definition.plan;
    const roots = [definition.directory, dirname(dataset.path), model];
    for (const [field, path] of [
      ["dataset.path", dataset.path],
      ["model", model],
    ] as const) {
      if (definition.backend.kind !== "remote" && !existsSync(path)) {
        throw new UserError(`run plan: ${field}: ${path} is not there: put it back and resume the run`);
      }
    }
    const opening = { roots, logPath: paths.trainerLog, signal: stop.requested };
    this.#trainer = await openTrainer(definition.backend, opening);
    return this.#trainer;
  }

  /** A trainer on another machine has no way to this one's sockets. */
  #hearsTelemetry(): boolean {
    const { definition, options } = this.#parts;
    const { backend } = definition;
    return options.trainer !== undefined || backend.kind !== "remote" || isLocalAddress(backend.address);
  }

  async #letGo(): Promise<void> {
    const trainer = this.#trainer;
    this.#trainer = undefined;
    await trainer?.stop().catch(() => undefined);
  }

  async #end({ outcome, reason, steps, telemetry }: AttemptEnd): Promise<void> {
    await this.#write({ type: "ended", outcome, reason, steps });
    await this.#emit({ type: "ended", outcome, reason, steps, telemetry });
  }

  async #fail(error: Error): Promise<void> {
    const pairs = error instanceof LossNotFiniteError ? [...error.pairs] : [];
    const failed = { type: "failed", reason: error.message, step: this.#steps, pairs } as const;
    // On a full disk the run is interrupted instead: the caller hears of the failure all the same.
    await this.#write(failed).catch(() => undefined);
    await this.#emit(failed).catch(() => undefined);
  }

  async #write(line: JournalLine): Promise<void> {
    const journal = await openJournal(this.#parts.paths.journal);
    try {
      await journal.write(line);
    } finally {
      await journal.close();
    }
  }

  async #emit(event: RunEvent): Promise<void> {
    if (event.type === "step") this.#steps = event.report.step;
    if (event.type === "training-saved") this.#deaths = 0;
    await this.#parts.events.append(event);
    this.#parts.options.onEvent?.(event);
  }
}

/** What a training itself told, in contrast to what a caller's request brought about. */
function isOfTraining(error: unknown): boolean {
  return error instanceof LossNotFiniteError || error instanceof OutOfMemoryError || error instanceof UserError;
}

function requireSame(
  begun: { readonly plan: object; readonly weightsSha256: string },
  now: { readonly plan: object; readonly weightsSha256: string },
): void {
  const difference = differenceOf(begun.plan, now.plan);
  if (difference !== null) {
    const { field, before, after } = difference;
    throw new UserError(
      `run plan: ${field}: found ${after}, but the run began with ${before}: resume it with the settings it began with`,
    );
  }
  if (begun.weightsSha256 !== now.weightsSha256) {
    throw new UserError("run plan: model: found other weights than those that the run began with: put them back");
  }
}
