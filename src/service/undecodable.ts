import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { invalid } from "./faults.js";

/** A request whose bytes are no message of the contract. */
class Undecodable {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

interface Method {
  readonly requestType: { readonly decode: (bytes: Uint8Array) => unknown };
}

/**
 * A service's definition whose requests are read without an error: gRPC answers one in the reader as a failure of the
 * service, without a word of what is wrong. `refusingUndecodable` then refuses the request.
 */
export function readingAll<Definition extends { readonly methods: object }>(definition: Definition): Definition {
  const methods = Object.entries(definition.methods as Record<string, Method>).map(([name, method]) => {
    const { decode } = method.requestType;
    const read = (bytes: Uint8Array): unknown => {
      try {
        return decode(bytes);
      } catch (error) {
        return new Undecodable(error instanceof Error ? error.message : String(error));
      }
    };
    return [name, { ...method, requestType: { ...method.requestType, decode: read } }] as const;
  });
  return { ...definition, methods: Object.fromEntries(methods) };
}

/** Refuses requests that `readingAll` could not read: INVALID_ARGUMENT. */
export async function* refusingUndecodable<Request, Response>(
  call: ServerMiddlewareCall<Request, Response>,
  context: CallContext,
): AsyncGenerator<Response, Response | void, undefined> {
  if (!call.requestStream && call.request instanceof Undecodable) {
    const { reason } = call.request;
    throw invalid({ field: "request", description: `is no message of ${call.method.path} (${reason}), expected one` });
  }
  return yield* call.next(call.request, context);
}
