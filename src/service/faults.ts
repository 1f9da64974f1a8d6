import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { ServerError, Status } from "nice-grpc";
import { BadRequest, ErrorInfo, RichServerError } from "nice-grpc-error-details";
import { oneLine } from "../one-line.js";

/** A wrong field of a request and what to do about it. */
export interface FieldViolation {
  /** Path of the field, such as `settings.stages[2].beta`. */
  readonly field: string;
  readonly description: string;
}

const domain = "scpo";

/** Bytes. Errors travel as HTTP/2 headers, of which clients take 8 KiB, and some characters take three times their room. */
const mostOfMessage = 1000;
const mostOfViolations = 2500;
const mostOfViolation = 600;

function fault(code: Status, reason: string, message: string, metadata: Record<string, string> = {}): RichServerError {
  const short = Object.entries(metadata).map(([name, value]) => [name, cut(value, mostOfMessage)]);
  const info = ErrorInfo.fromPartial({ reason, domain, metadata: Object.fromEntries(short) as Record<string, string> });
  return new RichServerError(code, cut(message, mostOfMessage), [info]);
}

/** The request has wrong fields: INVALID_ARGUMENT with all of them, as far as an error has room. */
export function invalid(...violations: readonly FieldViolation[]): RichServerError {
  const told: FieldViolation[] = [];
  let bytes = 0;
  for (const { field, description } of violations) {
    const violation = { field: cut(field, mostOfViolation), description: cut(description, mostOfViolation) };
    bytes += Buffer.byteLength(violation.field) + Buffer.byteLength(violation.description);
    if (bytes > mostOfViolations) break;
    told.push(violation);
  }
  const untold = violations.length - told.length;
  if (untold > 0) told.push({ field: "settings", description: `hold ${untold} more mistakes; mend these first` });
  const message = told.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new RichServerError(Status.INVALID_ARGUMENT, cut(message, mostOfMessage), [
    ErrorInfo.fromPartial({ reason: "INVALID_FIELDS", domain }),
    BadRequest.fromPartial({ fieldViolations: told }),
  ]);
}

/** A text on one line of at most so many bytes; what is cut ends with three points. */
export function cut(told: string, most: number): string {
  // Long texts are cut twice: to escape them whole could take much longer than to tell their beginning.
  const text = oneLine(told.slice(0, most + 1));
  if (Buffer.byteLength(text) <= most) return text;
  // Characters that were cut apart are left out.
  const start = new TextDecoder().decode(Buffer.from(text).subarray(0, most - 3), { stream: true });
  return `${start}...`;
}

/** What is named does not exist, or belongs to somebody else. */
export function notFound(name: string): RichServerError {
  return fault(Status.NOT_FOUND, "NOT_FOUND", `${name} does not exist`, { resource: name });
}

/** The run exists already. */
export function alreadyExists(name: string): RichServerError {
  return fault(Status.ALREADY_EXISTS, "ALREADY_EXISTS", `${name} exists already; choose another run_id`, {
    resource: name,
  });
}

/** The run is in a state that does not allow the call. */
export function wrongState(name: string, found: string, expected: string): RichServerError {
  return fault(Status.FAILED_PRECONDITION, "WRONG_STATE", `${name} is ${found}, expected ${expected}`, {
    resource: name,
    state: found,
  });
}

/** No valid token came with the call. */
export function unauthenticated(): RichServerError {
  return fault(
    Status.UNAUTHENTICATED,
    "TOKEN_REQUIRED",
    "expected metadata authorization: Bearer TOKEN with a token of the service's token file",
  );
}

/** A limit of the service was reached; the same call may pass later. */
export function exhausted(limit: string, message: string): RichServerError {
  return fault(Status.RESOURCE_EXHAUSTED, limit, message);
}

/** The service is about to end. */
export function draining(): RichServerError {
  return fault(Status.UNAVAILABLE, "DRAINING", "the service is shutting down; call again when it is back");
}

/** Tells clients nothing of an error that is not theirs, and the operator all of it. */
export function hidingFaults(log: (line: string) => void) {
  return async function* <Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | void, undefined> {
    try {
      return yield* call.next(call.request, context);
    } catch (error) {
      if (error instanceof ServerError || context.signal.aborted) throw error;
      log(`${call.method.path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      throw fault(Status.INTERNAL, "INTERNAL", "the service failed; its log says why");
    }
  };
}
