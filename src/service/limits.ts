import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { type Caller, isHealth } from "./authentication.js";
import { exhausted } from "./faults.js";

/** What one client may ask of the service. */
export interface ServiceLimits {
  /** Calls a second of one owner. */
  readonly callsPerSecond: number;
  /** Streams open at a time, of one owner. */
  readonly streams: number;
  /** Watches of health open at a time, of all clients together: they need no token. */
  readonly healthWatches: number;
  /** Runs that wait in the queue, of one owner. */
  readonly queued: number;
  /** Runs that are kept, of one owner. */
  readonly runs: number;
  /** Bytes that the settings of one owner's runs take. */
  readonly settingsBytes: number;
  /** Seconds that a look at the files of one run's evaluation takes. */
  readonly evaluationSeconds: number;
  /** Memory that it takes, beside what every process has. */
  readonly evaluationMebibytes: number;
  /** Bytes of a request. */
  readonly requestBytes: number;
}

/** Defaults of the limits. */
export const DEFAULT_LIMITS: ServiceLimits = {
  callsPerSecond: 500,
  streams: 500,
  healthWatches: 100,
  queued: 1000,
  runs: 10_000,
  settingsBytes: 16 * 1024 * 1024,
  evaluationSeconds: 60,
  evaluationMebibytes: 1024,
  requestBytes: 1024 * 1024,
};

/** Refuses calls beyond an owner's rate and streams beyond an owner's number; health has limits of its own. */
export function limiting(limits: ServiceLimits) {
  const rate = new RateLimiterMemory({ points: limits.callsPerSecond, duration: 1 });
  const streams = new Map<string, number>();
  return async function* <Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext & Caller,
  ): AsyncGenerator<Response, Response | void, undefined> {
    const ofHealth = isHealth(call.method.path);
    // Who asks for health without a token is told apart by the connection: one that floods does not keep others out.
    const caller = ofHealth ? `health ${context.peer}` : context.owner;
    const allowed = await rate.consume(caller).then(
      () => true,
      () => false,
    );
    if (!allowed) {
      throw exhausted("CALL_RATE", `more than ${limits.callsPerSecond} calls a second; wait and call again`);
    }
    if (!call.responseStream) return yield* call.next(call.request, context);
    // No owner's name has a blank in it.
    const [key, most] = ofHealth ? ["watches of health", limits.healthWatches] : [context.owner, limits.streams];
    const open = streams.get(key) ?? 0;
    if (open >= most) throw exhausted("STREAMS", `${open} streams are open, expected at most ${most}; close one`);
    streams.set(key, open + 1);
    try {
      return yield* call.next(call.request, context);
    } finally {
      const left = (streams.get(key) ?? 1) - 1;
      if (left === 0) streams.delete(key);
      else streams.set(key, left);
    }
  };
}
