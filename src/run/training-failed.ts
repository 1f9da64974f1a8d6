import { UserError } from "../errors.js";
import type { TrainingFailed } from "../generated/scpo/v1/trainer.js";
import { LossNotFiniteError } from "./run-failed.js";

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
