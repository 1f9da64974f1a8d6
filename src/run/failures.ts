import { ScpoError, UserError } from "../errors.js";
import type { TrainingFailed } from "../generated/scpo/v1/trainer.js";

/** A run failed; `cause` says why, and the run's folder holds the last saved training. */
export class RunFailedError extends ScpoError {
  override readonly name = "RunFailedError";
  override readonly code = "SCPO_RUN_FAILED";
  /** The run's folder. */
  readonly directory: string;

  /** @param reason Names the phase before the cause's own words, unless it is the training. */
  constructor(directory: string, reason: string, cause: Error) {
    super(reason, { cause });
    this.directory = directory;
  }
}

/** The loss of a forward pass was not finite; the weights are still those of the step before. */
export class LossNotFiniteError extends UserError {
  /** The optimiser step that could not be taken. */
  readonly step: number;
  readonly stage: number;
  /** Every row of the data set in the forward pass. */
  readonly pairs: readonly number[];
  /** Those whose own loss was not finite. */
  readonly badPairs: readonly number[];

  constructor(message: string, found: { step: number; stage: number; pairs: number[]; badPairs: number[] }) {
    super(message);
    ({ step: this.step, stage: this.stage, pairs: this.pairs, badPairs: this.badPairs } = found);
  }
}

/** Memory did not suffice for a forward pass. */
export class OutOfMemoryError extends Error {
  override readonly name = "OutOfMemoryError";
}

/** The saved training to go on from is not what was saved. */
export class CheckpointDamagedError extends Error {
  override readonly name = "CheckpointDamagedError";
  readonly checkpoint: string;

  constructor(message: string, checkpoint: string) {
    super(message);
    this.checkpoint = checkpoint;
  }
}

/** The error that a trainer's TrainingFailed tells of. */
export function trainingError({ message, cause }: TrainingFailed): Error {
  switch (cause?.$case) {
    case "lossNotFinite":
      return new LossNotFiniteError(message, cause.value);
    case "outOfMemory":
      return new OutOfMemoryError(message);
    case "checkpointDamaged":
      return new CheckpointDamagedError(message, cause.value.name);
    case undefined:
      return new UserError(message);
  }
}
