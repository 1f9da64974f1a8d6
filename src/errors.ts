/** Names the kind of an error for programs; a code keeps its meaning from version to version. */
export type ErrorCode =
  | "SCPO_USER_ERROR"
  | "SCPO_SETTINGS"
  | "SCPO_RUN_EXISTS"
  | "SCPO_RUN_NOT_FOUND"
  | "SCPO_RUN_FAILED"
  | "SCPO_LOSS_NOT_FINITE"
  | "SCPO_TRAINER_EXITED";

/** Every error that this package throws on purpose; `cause` holds the error that it came from, if any. */
export abstract class ScpoError extends Error {
  /** Which kind of error it is; the same in every version. */
  abstract readonly code: ErrorCode;
}

/**
 * A mistake that the user can mend: its message is one line that names what was found, what was expected and how to
 * mend it. The command prints the message alone, without a stack trace.
 */
export class UserError extends ScpoError {
  override readonly name: string = "UserError";
  override readonly code: ErrorCode = "SCPO_USER_ERROR";
}
