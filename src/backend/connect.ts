import type { ClientMiddleware } from "nice-grpc";
import { createChannel, createClientFactory, waitForChannelReady } from "nice-grpc";
import type { TrainerServiceClient } from "../generated/scpo/v1/trainer.js";
import { TrainerServiceDefinition } from "../generated/scpo/v1/trainer.js";

/** Both sides allow messages of this size; gRPC's own default is 4 MB. */
const maxMessageBytes = 64 * 1024 * 1024;

/** Pings more frequent than every ten seconds make a server end the connection. */
const keepaliveMilliseconds = 30_000;

/** A client of a trainer service and its connection. */
export interface Connection {
  readonly client: TrainerServiceClient;
  close(): void;
}

/**
 * Connects to a trainer service and waits until it answers.
 *
 * @param address `unix:///absolute/path` or `host:port`.
 * @param options.milliseconds How long to wait for the service.
 * @param options.middleware Wraps every call.
 * @throws Error when the service does not answer in time.
 */
export async function connect(
  address: string,
  options: { milliseconds: number; middleware?: ClientMiddleware },
): Promise<Connection> {
  const channel = createChannel(address, undefined, {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.keepalive_time_ms": keepaliveMilliseconds,
    "grpc.keepalive_timeout_ms": keepaliveMilliseconds,
  });
  try {
    await waitForChannelReady(channel, new Date(Date.now() + options.milliseconds));
  } catch (cause) {
    channel.close();
    const seconds = options.milliseconds / 1000;
    throw new Error(`No trainer service answered at ${address} within ${seconds} s.`, { cause });
  }
  const factory = createClientFactory();
  const client = (options.middleware === undefined ? factory : factory.use(options.middleware)).create(
    TrainerServiceDefinition,
    channel,
  );
  return { client, close: () => channel.close() };
}
