import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { RateLimiterMemory } from "rate-limiter-flexible";
import type { Caller } from "./authentication.js";
import { exhausted } from "./faults.js";

/** What one client, and all together, may ask of the service. */
export interface ServiceLimits {
  /** Calls a second of one owner. */
  readonly callsPerSecond: number;
  /** Streams open at a time, of one owner. */
  readonly streams: number;
  /** Runs that wait in the queue, of one owner. */
  readonly queued: number;
  /** Bytes of a request. */
  readonly requestBytes: number;
}

/** Defaults of the limits. */
export const DEFAULT_LIMITS: ServiceLimits = {
  callsPerSecond: 500,
  streams: 500,
  queued: 1000,
  requestBytes: 1024 * 1024,
};

/** Refuses calls beyond an owner's rate and streams beyond an owner's number. */
export function limiting(limits: ServiceLimits) {
  const rate = new RateLimiterMemory({ points: limits.callsPerSecond, duration: 1 });
  const streams = new Map<string, number>();
  return async function* <Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext & Caller,
  ): AsyncGenerator<Response, Response | void, undefined> {
    const { owner } = context;
    const allowed = await rate.consume(owner).then(
      () => true,
      () => false,
    );
    if (!allowed) {
      throw exhausted("CALL_RATE", `more than ${limits.callsPerSecond} calls a second; wait and call again`);
    }
    if (!call.responseStream) return yield* call.next(call.request, context);
    const open = streams.get(owner) ?? 0;
    if (open >= limits.streams) {
      throw exhausted("STREAMS", `${open} streams are open, expected at most ${limits.streams}; close one`);
    }
    streams.set(owner, open + 1);
    try {
      return yield* call.next(call.request, context);
    } finally {
      const left = (streams.get(owner) ?? 1) - 1;
      if (left === 0) streams.delete(owner);
      else streams.set(owner, left);
    }
  };
}
