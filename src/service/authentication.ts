import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { unauthenticated } from "./faults.js";
import type { Owner, Tokens } from "./tokens.js";
import { LOCAL_OWNER } from "./tokens.js";

/** What a call's handler knows of who calls. */
export interface Caller {
  readonly owner: Owner;
}

/** Orchestrators ask for health without a token, and learn no more than that. */
const openServices = ["/grpc.health.v1.Health/"];

/** Refuses calls without a valid token, and tells the handler whose it is. */
export function authenticating(tokens: Tokens | undefined) {
  return async function* <Request, Response>(
    call: ServerMiddlewareCall<Request, Response, Caller>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | void, undefined> {
    const open = openServices.some((prefix) => call.method.path.startsWith(prefix));
    const owner = tokens === undefined ? LOCAL_OWNER : tokens.ownerOf(context.metadata.get("authorization"));
    if (owner === undefined && !open) throw unauthenticated();
    return yield* call.next(call.request, { ...context, owner: owner ?? LOCAL_OWNER });
  };
}
