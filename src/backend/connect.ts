import type { ChannelCredentials } from "@grpc/grpc-js";
import type { ClientMiddleware } from "nice-grpc";
import { errorDetailsClientMiddleware } from "nice-grpc-error-details";
import { createChannel, createClientFactory, waitForChannelReady } from "nice-grpc";
import { deadlines, SILENCE_MILLISECONDS } from "./deadlines.js";
import type { FileServiceClient } from "../generated/scpo/v1/files.js";
import { FileServiceDefinition } from "../generated/scpo/v1/files.js";
import type { TrainerServiceClient } from "../generated/scpo/v1/trainer.js";
import { TrainerServiceDefinition } from "../generated/scpo/v1/trainer.js";
import { proxyOptions } from "./settings.js";

/** Both sides allow messages of this size; gRPC's own default is 4 MB. */
const maxMessageBytes = 64 * 1024 * 1024;

/** Pings more frequent than every ten seconds make a server end the connection. */
const keepaliveMilliseconds = 30_000;
/** A connection whose other end is gone is given up this long after the ping. */
const keepaliveTimeoutMilliseconds = 20_000;

/** A client of a trainer service and its connection. */
export interface Connection {
  readonly client: TrainerServiceClient;
  readonly files: FileServiceClient;
  close(): void;
}

/** How a connection is made. */
export interface DialOptions {
  /** Milliseconds without a request or a response after which a call is cut off (default half an hour). */
  silenceMilliseconds?: number | undefined;
  /** Wraps every call. */
  middleware?: ClientMiddleware;
  /** For TLS; default: none. */
  credentials?: ChannelCredentials;
  /** Name that the server's certificate must bear; default: the address's. */
  serverName?: string;
  /** Milliseconds of silence before the other end is asked whether it is there (default 30 s). */
  keepaliveMilliseconds?: number;
  /** Milliseconds that it has for its answer (default 20 s). */
  keepaliveTimeoutMilliseconds?: number;
}

/**
 * Makes a client of a trainer service; the connection is made with the first call, and again when it was lost.
 *
 * @param address `unix:///absolute/path` or `host:port`.
 */
export function dial(address: string, options: DialOptions = {}): Connection {
  const { connection } = open(address, options);
  return connection;
}

/**
 * Connects to a trainer service and waits until it answers.
 *
 * @param address `unix:///absolute/path` or `host:port`.
 * @param options.milliseconds How long to wait for the service.
 * @throws Error when the service does not answer in time.
 */
export async function connect(address: string, options: DialOptions & { milliseconds: number }): Promise<Connection> {
  const { connection, ready } = open(address, options);
  try {
    await ready(new Date(Date.now() + options.milliseconds));
  } catch (cause) {
    connection.close();
    const seconds = options.milliseconds / 1000;
    throw new Error(`No trainer service answered at ${address} within ${seconds} s.`, { cause });
  }
  return connection;
}

function open(address: string, options: DialOptions) {
  const channel = createChannel(address, options.credentials, {
    ...proxyOptions(address),
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.keepalive_time_ms": options.keepaliveMilliseconds ?? keepaliveMilliseconds,
    "grpc.keepalive_timeout_ms": options.keepaliveTimeoutMilliseconds ?? keepaliveTimeoutMilliseconds,
    // A service that starts is found soon after it listens; gRPC's own delays grow to two minutes.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    ...(options.serverName === undefined ? {} : { "grpc.ssl_target_name_override": options.serverName }),
  });
  // The first one used is the last one called: it gives the others the details of a failure.
  const silence = options.silenceMilliseconds ?? SILENCE_MILLISECONDS;
  const limited = deadlines(silence);
  const plain = createClientFactory().use(errorDetailsClientMiddleware).use(limited);
  const factory = options.middleware === undefined ? plain : plain.use(options.middleware);
  const connection: Connection = {
    client: factory.create(TrainerServiceDefinition, channel),
    files: factory.create(FileServiceDefinition, channel),
    close: () => channel.close(),
  };
  return { connection, ready: (deadline: Date) => waitForChannelReady(channel, deadline) };
}
