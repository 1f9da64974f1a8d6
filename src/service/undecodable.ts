import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { invalid } from "./faults.js";

/** A request whose bytes are no message of the contract. */
class Undecodable {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

type Decode = (bytes: Uint8Array) => unknown;

/** A method as ts-proto or as gRPC's own generator describes it. */
type Method = { readonly requestType: { readonly decode: Decode } } | { readonly requestDeserialize: Decode };

/**
 * A service's definition whose requests are read without an error: gRPC answers one in the reader as a failure of the
 * service, without a word of what is wrong. `refusingUndecodable` then refuses the request.
 */
export function readingAll<Definition extends object>(definition: Definition): Definition {
  if (!("methods" in definition)) return eachReading(definition);
  return { ...definition, methods: eachReading(definition.methods as object) };
}

function eachReading<Methods extends object>(methods: Methods): Methods {
  const reading = Object.entries(methods as Record<string, Method>).map(([name, method]) => [
    name,
    "requestDeserialize" in method
      ? { ...method, requestDeserialize: withoutError(method.requestDeserialize) }
      : { ...method, requestType: { ...method.requestType, decode: withoutError(method.requestType.decode) } },
  ]);
  return Object.fromEntries(reading) as Methods;
}

function withoutError(decode: Decode): Decode {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      return new Undecodable(error instanceof Error ? error.message : String(error));
    }
  };
}

/** Refuses requests that `readingAll` could not read: INVALID_ARGUMENT. */
export async function* refusingUndecodable<Request, Response>(
  call: ServerMiddlewareCall<Request, Response>,
  context: CallContext,
): AsyncGenerator<Response, Response | void, undefined> {
  const { path } = call.method;
  if (call.requestStream) return yield* call.next(eachDecoded(call.request, path), context);
  requireDecoded(call.request, path);
  return yield* call.next(call.request, context);
}

async function* eachDecoded<Request>(requests: AsyncIterable<Request>, path: string): AsyncGenerator<Request> {
  for await (const request of requests) {
    requireDecoded(request, path);
    yield request;
  }
}

function requireDecoded(request: unknown, path: string): void {
  if (!(request instanceof Undecodable)) return;
  throw invalid({ field: "request", description: `is no message of ${path} (${request.reason}), expected one` });
}
