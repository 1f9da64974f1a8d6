import type { ClientMiddleware } from "nice-grpc";
import { ClientError, Status } from "nice-grpc";

/** A trainer that works says something at least this often, unless a run's settings say otherwise. */
export const SILENCE_MILLISECONDS = 30 * 60_000;

/** Calls that are answered at once, even during other work. */
const QUICK = ["/Describe", "/Shutdown"];
const QUICK_MILLISECONDS = 60_000;

/**
 * Gives every call a way out: one that neither takes a request nor gives a response for so long is cut off with
 * DEADLINE_EXCEEDED, though the connection is open. What the caller does between two responses does not count.
 *
 * @param milliseconds - Longest silence.
 * @param endless - Ends of the paths of calls that may be silent for ever.
 */
export function deadlines(milliseconds: number, endless: readonly string[] = []): ClientMiddleware {
  return async function* (call, options) {
    const { path } = call.method;
    if (endless.some((name) => path.endsWith(name))) return yield* call.next(call.request, options);
    const limit = QUICK.some((name) => path.endsWith(name)) ? Math.min(QUICK_MILLISECONDS, milliseconds) : milliseconds;
    const cut = new AbortController();
    let late = false;
    const give = () => cut.abort();
    options.signal?.addEventListener("abort", give, { once: true });
    if (options.signal?.aborted === true) give();
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        late = true;
        cut.abort();
      }, limit);
      // The connection keeps the process alive while a call is open, not its timer.
      timer.unref();
    };
    try {
      const request = call.requestStream ? touched(call.request, wait) : call.request;
      const responses = call.next(request as never, { ...options, signal: cut.signal });
      for (;;) {
        wait();
        const next = await responses.next();
        clearTimeout(timer);
        if (next.done === true) return next.value;
        yield next.value;
      }
    } catch (error) {
      if (!late || options.signal?.aborted === true) throw error;
      const name = path.split("/").at(-1) ?? path;
      throw new ClientError(path, Status.DEADLINE_EXCEEDED, `nothing came within ${inWords(limit)} during ${name}`);
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", give);
      // Ends the call of a caller that leaves early.
      cut.abort();
    }
  };
}

async function* touched<Request>(requests: AsyncIterable<Request>, touch: () => void): AsyncGenerator<Request> {
  for await (const request of requests) {
    touch();
    yield request;
  }
}

function inWords(milliseconds: number): string {
  return milliseconds < 60_000 ? `${milliseconds / 1000} s` : `${milliseconds / 60_000} minutes`;
}
