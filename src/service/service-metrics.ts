import type { CallContext, ServerMiddlewareCall } from "nice-grpc";
import { ServerError, Status } from "nice-grpc";
import { createServer, type Server } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { UserError } from "../errors.js";

/** What the gauges show. */
export interface Watched {
  readonly waiting: () => number;
  readonly running: () => number;
  readonly watchers: () => number;
}

/** The service's figures in Prometheus' form. */
export class ServiceMetrics {
  readonly #registry = new Registry();
  readonly #calls: Counter<"method" | "code">;
  readonly #seconds: Histogram<"method">;
  readonly #ended: Counter<"state">;
  #server: Server | undefined;

  constructor(watched: Watched) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge("scpo_runs_waiting", "Runs that wait for a trainer", watched.waiting);
    gauge("scpo_runs_running", "Runs that have a trainer", watched.running);
    gauge("scpo_watchers", "Open watches", watched.watchers);
    this.#calls = new Counter({
      name: "scpo_calls_total",
      help: "Calls by method and gRPC status",
      labelNames: ["method", "code"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "scpo_call_seconds",
      help: "Time of unary calls",
      labelNames: ["method"],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#ended = new Counter({
      name: "scpo_runs_ended_total",
      help: "Runs that came to an end, by state",
      labelNames: ["state"],
      registers,
    });
  }

  /** Counts a run's end. */
  runEnded(state: string): void {
    this.#ended.inc({ state: state.toLowerCase() });
  }

  /** Everything in Prometheus' text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts calls and times those that are not streams. */
  readonly counting = (() => {
    const metrics = (): { calls: Counter<"method" | "code">; seconds: Histogram<"method"> } => ({
      calls: this.#calls,
      seconds: this.#seconds,
    });
    return async function* <Request, Response>(
      call: ServerMiddlewareCall<Request, Response>,
      context: CallContext,
    ): AsyncGenerator<Response, Response | void, undefined> {
      const { calls, seconds } = metrics();
      const method = call.method.path;
      const started = performance.now();
      let code: Status = Status.OK;
      try {
        return yield* call.next(call.request, context);
      } catch (error) {
        code = error instanceof ServerError ? error.code : context.signal.aborted ? Status.CANCELLED : Status.UNKNOWN;
        throw error;
      } finally {
        calls.inc({ method, code: Status[code] });
        if (!call.responseStream) seconds.observe({ method }, (performance.now() - started) / 1000);
      }
    };
  })();

  /**
   * Serves `GET /metrics` over HTTP on this machine.
   *
   * @returns The port.
   * @throws UserError when the port is taken.
   */
  async listen(port: number): Promise<number> {
    const server = createServer((request, response) => {
      if (request.url !== "/metrics" || request.method !== "GET") {
        response.writeHead(404).end();
        return;
      }
      this.text().then(
        (text) => response.writeHead(200, { "content-type": this.#registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) =>
        reject(new UserError(`--metrics-port: cannot listen on 127.0.0.1:${port}: ${error.code ?? error.message}`)),
      );
      server.listen(port, "127.0.0.1", resolve);
    });
    this.#server = server;
    return (server.address() as { port: number }).port;
  }

  /** Closes the HTTP server. */
  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}
