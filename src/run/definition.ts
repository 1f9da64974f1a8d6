import type { Door } from "../backend/dialled/door.js";
import type { BackendSettings } from "../backend/settings.js";
import type { Trainer } from "../backend/trainer.js";
import type { Phase } from "./phase.js";
import type { RunEvent } from "./log/entries.js";
import type { RunPlan } from "./plan.js";
import type { RunPolicies } from "./policies.js";

/** When the whole training is saved, so that a run that dies resumes there. */
export interface CheckpointSettings {
  /**
   * Optimiser steps from one to the next: at most so many are done again. A stage's end is saved as well. 0: never, and
   * a run that dies begins anew.
   */
  readonly everySteps: number;
  /** How many of them stay on the disk, the newest ones: at least 1. */
  readonly keep: number;
}

/** What happens when a trainer dies. */
interface RestartSettings {
  /** Deaths in a row after which the run fails; a newly saved training starts the count anew. */
  readonly limit: number;
  /** Seconds before the first restart; doubled from one to the next. */
  readonly firstDelaySeconds: number;
  /** Minutes without a report or an answer after which a trainer has hung and counts as dead. */
  readonly silenceMinutes: number;
}

/** Everything that a run needs. */
export interface RunDefinition {
  readonly id: string;
  /** Absolute path of the run's folder. */
  readonly directory: string;
  readonly plan: RunPlan;
  readonly policies: RunPolicies;
  /** Names of the policies that are functions of the caller's, which no file holds (default: none). */
  readonly functions?: readonly string[];
  readonly backend: BackendSettings;
  readonly checkpoints: CheckpointSettings;
  readonly restarts: RestartSettings;
}

/** How a run is executed beside its definition. */
export interface ExecuteOptions {
  /** Goes on with what the run's folder holds (default false: it must hold no run). */
  readonly resume?: boolean;
  /** Removes the files of an earlier run from the folder (default false: they are a mistake). */
  readonly replace?: boolean;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
  /** What comes after the training, in this order (default: nothing). */
  readonly phases?: readonly Phase[];
  /** Whether per-pair records are received and written (default true). */
  readonly telemetry?: boolean;
  /** One that is already up; it is neither restarted nor stopped. */
  readonly trainer?: Trainer;
  /** Where the training dials in whose backend is `dialled`. */
  readonly door?: Door;
  /** Told of everything that happens, in order; it must not throw. */
  readonly onEvent?: (event: RunEvent) => void;
}
