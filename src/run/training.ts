import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { isLocalAddress } from "../backend/settings.js";
import { UserError } from "../errors.js";
import { attempt } from "./attempt.js";
import type { RunDefinition } from "./definition.js";
import type { History } from "./history.js";
import { goBackToSaved } from "./history.js";
import type { RunBeginning } from "./log/entries.js";
import { type FoldedLog, trainingEnd } from "./log/fold.js";
import type { Phase, PhaseContext, PhaseEnd } from "./phase.js";
import { modelRoots } from "./model-roots.js";
import type { RunPlan } from "./plan.js";
import { loadModel } from "./trainer-requests.js";
import { recordedPlan } from "./plan.js";
import { differenceOf } from "./plan-difference.js";
import type { RunPaths } from "./run-files.js";
import { CheckpointDamagedError, OutOfMemoryError } from "./failures.js";

/** How a run is trained beside its definition. */
export interface TrainingOptions {
  /** Whether per-pair records are received and written. */
  readonly telemetry: boolean;
  /** Whether the trainer came from the caller. */
  readonly isGiven: boolean;
}

type MicroBatch = Pick<RunPlan, "batchSize" | "gradientAccumulationSteps">;

/** Trains the stages of the plan, from the newest saved training on; a fault that can be mended is one more advance. */
export class Training implements Phase {
  readonly name = "training";
  readonly #definition: RunDefinition;
  readonly #paths: RunPaths;
  readonly #options: TrainingOptions;
  /** Saved trainings that turned out damaged. */
  readonly #useless = new Set<string>();
  #resumedBecause: string | null = null;

  constructor(definition: RunDefinition, paths: RunPaths, options: TrainingOptions) {
    this.#definition = definition;
    this.#paths = paths;
    this.#options = options;
  }

  isOver(log: FoldedLog): Promise<boolean> {
    return Promise.resolve(trainingEnd(log) !== null);
  }

  async advance(context: PhaseContext, reason: string | null): Promise<PhaseEnd | null> {
    if (reason !== null) this.#resumedBecause = reason;
    const history = await goBackToSaved(this.#paths, this.#useless);
    context.steps = history.step;
    const { damage } = history;
    if (damage !== null) {
      await context.tell({ type: "file-damaged", file: "log.jsonl", reason: `line ${damage.line}: ${damage.reason}` });
    }
    try {
      return await this.#attempt(history, context);
    } catch (error) {
      this.#resumedBecause = await this.#mend(error, history, context);
      return null;
    }
  }

  async #attempt(history: History, context: PhaseContext): Promise<PhaseEnd> {
    const { policies, checkpoints, directory } = this.#definition;
    const { stop, tell, sync } = context;
    const trainer = await context.trainer({ roots: this.#roots(), logPath: this.#paths.trainerLog });
    stop.requested.throwIfAborted();
    const plan: RunPlan = { ...this.#definition.plan, directory, ...history.microBatch };
    const { weightsSha256 } = await trainer.client.loadModel(loadModel(plan), { signal: stop.requested });
    const { functions = [] } = this.#definition;
    const named = functions.length === 0 ? {} : { functions };
    const beginning = { plan: recordedPlan({ ...this.#definition.plan, directory }), weightsSha256, ...named };
    const { begun } = history;
    if (begun !== undefined) requireSame(begun, beginning);
    await mkdir(this.#paths.checkpoints, { recursive: true });
    return attempt(trainer, {
      plan,
      policies,
      checkpoints,
      history,
      beginning,
      resumedBecause: begun === undefined ? null : (this.#resumedBecause ?? ""),
      paths: this.#paths,
      stop,
      tell,
      sync,
      telemetry: this.#options.telemetry && this.#hearsTelemetry(),
    });
  }

  /** Makes good what concerns training alone; gives the reason of the resumption that follows, or throws what it cannot. */
  async #mend(error: unknown, history: History, context: PhaseContext): Promise<string> {
    if (error instanceof CheckpointDamagedError) {
      this.#useless.add(error.checkpoint);
      await context.tell({ type: "checkpoint-damaged", name: error.checkpoint, reason: error.message });
      return error.message;
    }
    if (!(error instanceof OutOfMemoryError)) throw error;
    if (this.#definition.backend.kind === "dialled") {
      throw new UserError(
        `the training ran out of memory (${error.message}): halve per_device_train_batch_size where it is started, double ` +
          "gradient_accumulation_steps, and begin a run anew",
        { cause: error },
      );
    }
    const { batchSize, gradientAccumulationSteps } = { ...this.#definition.plan, ...history.microBatch };
    const smaller = smallerMicroBatch({ batchSize, gradientAccumulationSteps });
    if (smaller === null) {
      throw new UserError(
        `memory does not suffice for a forward pass of one pair (${error.message}): free some, take smaller pictures or ` +
          "a smaller model, or freeze more of it",
        { cause: error },
      );
    }
    await context.tell({ type: "micro-batch-halved", step: context.steps, ...smaller, reason: error.message });
    // What the failed one still holds of the memory goes with it.
    await context.letGo();
    return `out of memory: micro-batch ${smaller.batchSize}, accumulated ${smaller.gradientAccumulationSteps} times`;
  }

  #roots(): string[] {
    const { backend, directory, plan } = this.#definition;
    for (const [field, path] of [
      ["dataset.path", plan.dataset.path],
      ["model", plan.model],
    ] as const) {
      const isHere = !this.#options.isGiven && backend.kind !== "remote" && isAbsolute(path);
      if (isHere && !existsSync(path)) {
        throw new UserError(`run plan: ${field}: ${path} is not there: put it back and resume the run`);
      }
    }
    return [directory, dirname(plan.dataset.path), ...modelRoots(plan.model)];
  }

  /** A trainer on another machine has no way to this one's sockets. */
  #hearsTelemetry(): boolean {
    const { backend } = this.#definition;
    return this.#options.isGiven || backend.kind !== "remote" || isLocalAddress(backend.address);
  }
}

/** At most half as many pairs a pass, and the same number a step; null when a pass has one pair already. */
function smallerMicroBatch({ batchSize, gradientAccumulationSteps }: MicroBatch): MicroBatch | null {
  const perStep = batchSize * gradientAccumulationSteps;
  for (let size = Math.floor(batchSize / 2); size >= 1; size--) {
    if (perStep % size === 0) return { batchSize: size, gradientAccumulationSteps: perStep / size };
  }
  return null;
}

function requireSame(begun: RunBeginning, now: RunBeginning): void {
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
