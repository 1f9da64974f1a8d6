import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { unauthenticated } from "./faults.js";
import type { Owner, Tokens } from "./tokens.js";
import { LOCAL_OWNER } from "./tokens.js";

/** What a call's handler knows of who calls. */
export interface Caller {
  readonly owner: Owner;
}

/** Who asks for health without a token: no line of a token file can name this owner. */
const nobody: Owner = "";

/** Orchestrators ask for health without a token, and learn no more than that. */
export function isHealth(path: string): boolean {
  return path.startsWith("/grpc.health.v1.Health/");
}

/** Refuses calls without a valid token, and tells the handler whose it is. */
export function authenticating(tokens: Tokens | undefined) {
  return async function* <Request, Response>(
    call: ServerMiddlewareCall<Request, Response, Caller>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | void, undefined> {
    const owner = tokens === undefined ? LOCAL_OWNER : tokens.ownerOf(context.metadata.get("authorization"));
    if (owner === undefined && !isHealth(call.method.path)) throw unauthenticated();
    return yield* call.next(call.request, { ...context, owner: owner ?? nobody });
  };
}
