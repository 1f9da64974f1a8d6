import type { ClientMiddleware } from "nice-grpc";
import { ClientError, Status } from "nice-grpc";
import { BadRequest, RichClientError } from "nice-grpc-error-details";
import { UserError } from "../errors.js";
import type { TrainerExit } from "./trainer.js";
import { TrainerExitedError } from "./trainer.js";

/** How long a broken call waits for news that its process has died; several are ended one after another. */
const exitMilliseconds = 10_000;

/**
 * Gives every call's failure its cause: the trainer's own message for a user's mistake, and the end of the process
 * instead of a broken connection.
 *
 * @param exited Resolves when the Python process is gone.
 * @param logPath The trainer's log, for the message.
 */
export function causedErrors(exited: Promise<TrainerExit>, logPath: string): ClientMiddleware {
  let exit: TrainerExit | undefined;
  const open = new Set<AbortController>();
  void exited.then((ended) => {
    exit = ended;
    for (const call of open) call.abort();
  });
  return async function* (call, options) {
    const broken = new AbortController();
    // One listener a call on a signal that outlives it, and none when the call is over.
    const give = () => broken.abort();
    options.signal?.addEventListener("abort", give, { once: true });
    if (options.signal?.aborted === true || exit !== undefined) give();
    open.add(broken);
    try {
      return yield* call.next(call.request, { ...options, signal: broken.signal });
    } catch (error) {
      // The caller gave up first: what follows from that is no failure of the trainer.
      if (options.signal?.aborted === true) throw error;
      if (exit === undefined && isLate(error)) throw new TrainerExitedError(hangOf(error), logPath);
      if (exit === undefined && mayMeanExit(error)) exit = await within(exited, exitMilliseconds);
      if (exit !== undefined) throw new TrainerExitedError(exit, logPath);
      throw userErrorOf(error) ?? error;
    } finally {
      open.delete(broken);
      options.signal?.removeEventListener("abort", give);
    }
  };
}

/** A field of a request and what is wrong with it. */
export interface FieldViolation {
  /** Path of the field: "start.seed", "open_stage.objective.losses[0].parameters[beta]". */
  readonly field: string;
  readonly description: string;
}

/** A trainer refused a request for a mistake that the user can mend. */
export class RequestRefusedError extends UserError {
  override readonly name: string = "RequestRefusedError";
  /** The fields that are wrong, where the trainer knows. */
  readonly fields: readonly FieldViolation[];

  constructor(message: string, fields: readonly FieldViolation[], options?: ErrorOptions) {
    super(message, options);
    this.fields = fields;
  }
}

/** The user's mistake that a failed call reports; undefined when it reports something else. */
export function userErrorOf(error: unknown): UserError | undefined {
  if (!(error instanceof ClientError) || !mistakes.includes(error.code)) return undefined;
  const details = error instanceof RichClientError ? error.extra : [];
  const fields = details.flatMap((detail) => (detail.$type === BadRequest.$type ? detail.fieldViolations : []));
  return new RequestRefusedError(
    error.details,
    fields.map(({ field, description }) => ({ field, description })),
    { cause: error },
  );
}

/** A wrong request, and a right one at the wrong time: the trainer is busy, or has no model yet. */
const mistakes: readonly Status[] = [Status.INVALID_ARGUMENT, Status.FAILED_PRECONDITION];

/** Whether a call was cut off since nothing came. */
export function isLate(error: unknown): error is ClientError {
  return error instanceof ClientError && error.code === Status.DEADLINE_EXCEEDED;
}

/** A trainer that does not answer, as something that has ended. */
export function hangOf({ details }: ClientError): TrainerExit {
  return { code: null, signal: null, expected: false, logTail: "", hung: details };
}

function mayMeanExit(error: unknown): boolean {
  if (!(error instanceof ClientError)) return false;
  return [Status.UNAVAILABLE, Status.CANCELLED, Status.INTERNAL, Status.UNKNOWN].includes(error.code);
}

/** The promise's value, or undefined when it does not come in time. */
export async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
