import type { ClientMiddleware } from "nice-grpc";
import { ClientError, Status } from "nice-grpc";
import { UserError } from "../errors.js";
import type { TrainerExit } from "./trainer.js";
import { TrainerExitedError } from "./trainer.js";

/** How long a broken call waits to hear that the process behind it has died. */
const exitMilliseconds = 2000;

/**
 * Gives every call's failure its cause: the trainer's own message for a user's mistake, and the end of the process
 * instead of a broken connection.
 *
 * @param exited Resolves when the Python process is gone.
 * @param logPath The trainer's log, for the message.
 */
export function causedErrors(exited: Promise<TrainerExit>, logPath: string): ClientMiddleware {
  return async function* (call, options) {
    const broken = new AbortController();
    let exit: TrainerExit | undefined;
    void exited.then((ended) => {
      exit = ended;
      broken.abort();
    });
    const signal = options.signal === undefined ? broken.signal : AbortSignal.any([options.signal, broken.signal]);
    try {
      return yield* call.next(call.request, { ...options, signal });
    } catch (error) {
      // The caller gave up first: what follows from that is no failure of the trainer.
      if (options.signal?.aborted === true) throw error;
      if (exit === undefined && mayMeanExit(error)) exit = await within(exited, exitMilliseconds);
      if (exit !== undefined) throw new TrainerExitedError(exit, logPath);
      throw userErrorOf(error) ?? error;
    }
  };
}

/** The user's mistake that a failed call tells of; undefined when it tells of something else. */
export function userErrorOf(error: unknown): UserError | undefined {
  if (!(error instanceof ClientError) || error.code !== Status.INVALID_ARGUMENT) return undefined;
  return new UserError(error.details);
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
