/**
 * A mistake that the user can mend: its message is one line that names what was found, what was expected and how to
 * mend it. The command prints the message alone, without a stack trace.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}
