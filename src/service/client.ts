import { createChannel, createClientFactory, Metadata } from "nice-grpc";
import { errorDetailsClientMiddleware } from "nice-grpc-error-details";
import { channelCredentials } from "../backend/credentials.js";
import { deadlines } from "../backend/deadlines.js";
import { proxyOptions, type RemoteSettings } from "../backend/settings.js";
import type { RunServiceClient } from "../generated/scpo/v1/run.js";
import { RunServiceDefinition, RunState } from "../generated/scpo/v1/run.js";

/** How a service of runs is reached. */
export interface RunServiceOptions {
  readonly token?: string;
  /** PEM files, as `backend.tls` of run.yaml names them; left out: no TLS. */
  readonly tls?: RemoteSettings["tls"];
}

/** A client of a service of runs. */
export interface RunServiceConnection {
  /** The calls of `scpo.v1.RunService`; failures are `RichClientError` with google.rpc details. */
  readonly runs: RunServiceClient;
  /** Ends the connection. */
  readonly close: () => void;
}

/**
 * Makes a client of `scpo serve`; the connection is made with the first call.
 *
 * @param address - `HOST:PORT` or `unix:///absolute/path`.
 * @throws UserError when a certificate cannot be read.
 */
export function connectRuns(address: string, options: RunServiceOptions = {}): RunServiceConnection {
  const { token, tls } = options;
  const channel = createChannel(address, channelCredentials({ tls }), {
    ...proxyOptions(address),
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
    "grpc.keepalive_time_ms": 30_000,
    ...(tls?.name === undefined ? {} : { "grpc.ssl_target_name_override": tls.name }),
  });
  const metadata = token === undefined ? Metadata() : Metadata({ authorization: `Bearer ${token}` });
  const runs = createClientFactory()
    .use(errorDetailsClientMiddleware)
    // A pause waits for the step under way; a watch may see nothing happen for ever.
    .use(deadlines(10 * 60_000, ["/WatchRun"]))
    .create(RunServiceDefinition, channel, { "*": { metadata } });
  return { runs, close: () => channel.close() };
}

/** The name of a run's state in an answer, such as `RUNNING`; `UNRECOGNIZED` for one of a later version. */
export function runStateName(state: number): string {
  return Object.entries(RunState).find(([, value]) => value === (state as RunState))?.[0] ?? "UNRECOGNIZED";
}
