import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { OpenTrainerOptions } from "../backend/trainer.js";
import { openTrainer } from "../backend/open-trainer.js";
import type { Trainer } from "../backend/trainer.js";
import { TrainerExitedError } from "../backend/trainer.js";
import { UserError } from "../errors.js";
import type { TelemetryTotals } from "../telemetry/receiver.js";
import { watchRequests } from "./stop-request.js";
import { dialledTraining } from "./dialled-training.js";
import type { ExecuteOptions, RunDefinition } from "./definition.js";
import { isEvent, type LogEntry, type PhaseName } from "./log/entries.js";
import { trainingEnd } from "./log/fold.js";
import { readFolded } from "./log/read.js";
import type { RunLog } from "./log/run-log.js";
import type { Phase, PhaseContext, PhaseEnd } from "./phase.js";
import { readSummary } from "./read-run.js";
import { LossNotFiniteError, RunFailedError } from "./failures.js";
import type { RunPaths } from "./run-files.js";
import type { StopRequest } from "./stop-request.js";
import type { RunSummary } from "./read-run.js";
import { OutOfMemoryError } from "./failures.js";

/** What an execution works with. */
export interface ExecutionParts {
  readonly definition: RunDefinition;
  readonly options: ExecuteOptions;
  readonly phases: readonly Phase[];
  readonly paths: RunPaths;
  readonly stop: StopRequest;
  readonly log: RunLog;
}

/** Brings a run through its phases to its end, past the deaths of its trainers. */
export class Execution {
  readonly #parts: ExecutionParts;
  #trainer: Trainer | undefined;
  #phase: PhaseName = "training";
  /** Trainers that died since a piece of work was done last. */
  #deaths = 0;
  /** Optimiser steps done. */
  #steps = 0;
  #telemetry: TelemetryTotals | null = null;

  constructor(parts: ExecutionParts) {
    this.#parts = parts;
  }

  /**
   * @returns What became of the run.
   * @throws RunFailedError when a fault cannot be mended.
   */
  async run(): Promise<RunSummary> {
    const { definition, options, phases, paths, stop, log } = this.#parts;
    const cancel = () => stop.cancel(reasonOf(options.signal?.reason));
    options.signal?.addEventListener("abort", cancel);
    if (options.signal?.aborted === true) cancel();
    const unwatch = watchRequests(paths.control, stop);
    let phase: Phase | undefined;
    try {
      await this.#tell({ type: "claimed", processId: process.pid });
      await this.#reopen();
      let end: PhaseEnd | undefined;
      for (phase of phases) {
        const early = await this.#through(phase);
        if (early !== null) end = early;
        if (early !== null) break;
      }
      await this.#end(end ?? (trainingEnd(await readFolded(paths.log)) as PhaseEnd));
      await this.#letGo();
      return await readSummary(definition.directory);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      const reason =
        phase === undefined || phase.name === "training" ? cause.message : `${phase.name}: ${cause.message}`;
      await this.#fail(reason, cause);
      await this.#letGo();
      throw new RunFailedError(definition.directory, reason, cause);
    } finally {
      unwatch();
      options.signal?.removeEventListener("abort", cancel);
      stop.dispose();
      await log.close().catch(() => undefined);
    }
  }

  /** A run whose training is over resumes with the next phase. */
  async #reopen(): Promise<void> {
    const log = await readFolded(this.#parts.paths.log);
    const trained = trainingEnd(log);
    if (trained === null) return;
    this.#steps = trained.steps;
    const stage = log.entries.findLast((entry) => entry.type === "stage-opened")?.stage ?? 0;
    await this.#tell({ type: "resumed", step: trained.steps, stage, reason: "resumed by the caller" });
  }

  /** @returns How the run ends when it ends with this phase; null when it goes on. */
  async #through(phase: Phase): Promise<PhaseEnd | null> {
    const { options, paths, stop } = this.#parts;
    if (await phase.isOver(await readFolded(paths.log))) return null;
    const { name } = phase;
    this.#phase = name;
    if (name !== "training") await this.#tell({ type: "phase-opened", phase: name });
    let reason = options.resume === true ? "resumed by the caller" : null;
    for (;;) {
      if (stop.stop !== null) return this.#given();
      try {
        const end = await phase.advance(this.#context, reason);
        reason = null;
        if (end === null) continue;
        await this.#letGo();
        this.#telemetry = end.telemetry ?? this.#telemetry;
        if (end.outcome !== "completed" && end.outcome !== "stopped") return end;
        if (name === "training") {
          const { outcome, reason: why } = end;
          const [steps, telemetry] = [this.#steps, this.#telemetry];
          await this.#tell({ type: "training-ended", outcome, reason: why, steps, telemetry });
        }
        return null;
      } catch (error) {
        // What follows from giving up waiting is no failure.
        if (stop.stop !== null && stop.requested.aborted && !isOfWork(error)) return this.#given();
        reason = await this.#mend(error);
      }
    }
  }

  /** How a run ends that is cancelled or paused while there is nothing to save. */
  #given(): PhaseEnd {
    const { stop } = this.#parts.stop;
    return { outcome: stop?.kind === "pause" ? "paused" : "cancelled", reason: stop?.reason ?? "" };
  }

  readonly #context: PhaseContext = ((execution: Execution): PhaseContext => ({
    get stop() {
      return execution.#parts.stop;
    },
    get steps() {
      return execution.#steps;
    },
    set steps(steps) {
      execution.#steps = steps;
    },
    log: () => readFolded(execution.#parts.paths.log),
    tell: (entry) => execution.#tell(entry),
    sync: () => execution.#parts.log.sync(),
    trainer: (opening) => execution.#openTrainer(opening),
    letGo: () => execution.#letGo(),
  }))(this);

  /** Waits before the next trainer, and gives the reason of the resumption that follows; throws what no trainer mends. */
  async #mend(error: unknown): Promise<string> {
    const { definition, options, stop } = this.#parts;
    if (!(error instanceof TrainerExitedError) || options.trainer !== undefined) throw error;
    await this.#letGo();
    this.#deaths += 1;
    const { limit, firstDelaySeconds } = definition.restarts;
    if (this.#deaths > limit) throw error;
    const delaySeconds = firstDelaySeconds * 2 ** (this.#deaths - 1);
    await this.#tell({ type: "trainer-exited", reason: error.message, restart: this.#deaths, limit, delaySeconds });
    await sleep(1000 * delaySeconds, undefined, { signal: stop.requested }).catch(() => undefined);
    return error.message.split("; its log")[0] ?? error.message;
  }

  async #openTrainer(opening: Pick<OpenTrainerOptions, "roots" | "logPath">): Promise<Trainer> {
    const { definition, options, stop } = this.#parts;
    if (options.trainer !== undefined) return options.trainer;
    if (this.#trainer !== undefined) return this.#trainer;
    const { logPath } = opening;
    await mkdir(dirname(logPath), { recursive: true });
    // Each start empties the log; that of the one that died stays for whoever asks why.
    if (existsSync(logPath)) await rename(logPath, `${logPath}.previous`);
    const silenceMilliseconds = 60_000 * definition.restarts.silenceMinutes;
    const signal = stop.requested;
    const { backend, plan, checkpoints } = definition;
    if (backend.kind !== "dialled") {
      this.#trainer = await openTrainer(backend, { ...opening, signal, silenceMilliseconds });
    } else if (this.#phase === "training") {
      // Whoever starts a training may take days; one that went away is waited for as long as one that says nothing.
      const waits = this.#deaths === 0 ? {} : { patienceMilliseconds: silenceMilliseconds };
      const waiting = { ...waits, signal, silenceMilliseconds, logPath, keepTrainings: checkpoints.keep };
      this.#trainer = await dialledTraining(options.door, plan, waiting);
    } else {
      // What dialled has gone when its training is over.
      this.#trainer = await openTrainer({ kind: "embedded", threads: 1 }, { ...opening, signal, silenceMilliseconds });
    }
    return this.#trainer;
  }

  async #letGo(): Promise<void> {
    const trainer = this.#trainer;
    this.#trainer = undefined;
    await trainer?.stop().catch(() => undefined);
  }

  async #end({ outcome, reason }: PhaseEnd): Promise<void> {
    await this.#tell({ type: "ended", outcome, reason, steps: this.#steps, telemetry: this.#telemetry });
  }

  async #fail(reason: string, error: Error): Promise<void> {
    const pairs = error instanceof LossNotFiniteError ? [...error.pairs] : [];
    // On a full disk the run is interrupted instead: the caller hears of the failure all the same.
    await this.#tell({ type: "failed", reason, step: this.#steps, pairs }).catch(() => undefined);
  }

  async #tell(entry: LogEntry): Promise<void> {
    if (entry.type === "step") this.#steps = entry.report.step;
    if (entry.type === "training-saved" || entry.type === "evaluation-finished") this.#deaths = 0;
    await this.#parts.log.write(entry);
    if (isEvent(entry)) this.#parts.options.onEvent?.(entry);
  }
}

/** A caller's own words for an abort; an abort without any has an AbortError of the system's. */
function reasonOf(reason: unknown): string {
  if (typeof reason === "string" && reason !== "") return reason;
  return reason instanceof Error && reason.name !== "AbortError" ? reason.message : "cancelled by the caller";
}

/** What the work itself told, in contrast to what a caller's request brought about. */
function isOfWork(error: unknown): boolean {
  return error instanceof LossNotFiniteError || error instanceof OutOfMemoryError || error instanceof UserError;
}
