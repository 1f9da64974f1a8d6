import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientMiddleware } from "nice-grpc";
import { ClientError, Metadata, Status } from "nice-grpc";
import { UserError } from "../errors.js";
import type { DescribeResponse, TrainerServiceClient } from "../generated/scpo/v1/trainer.js";
import { hangOf, isLate, userErrorOf } from "./client-errors.js";
import { dial } from "./connect.js";
import { channelCredentials, readToken } from "./credentials.js";
import { FileTransfer } from "./file-transfer.js";
import { checkProtocol } from "./protocol.js";
import type { RemoteSettings } from "./settings.js";
import { streamedClient } from "./streamed-client.js";
import type { OpenTrainerOptions, Trainer, TrainerExit } from "./trainer.js";
import { TrainerExitedError } from "./trainer.js";

/** A service that is just being started, or started again, is waited for this long. */
const reachMilliseconds = 30_000;
/** After so many connections that broke during the handshake there is no hope left. */
const hangUps = 4;

/**
 * Connects to a trainer service that runs already. `stop` disconnects and leaves it running; a connection that breaks
 * counts as the trainer's exit.
 *
 * @throws UserError for wrong certificates, a wrong token, or a version that does not fit; TrainerExitedError when the
 *   service cannot be reached.
 */
export async function connectRemote(settings: RemoteSettings, options: OpenTrainerOptions): Promise<Trainer> {
  const logPath = resolve(options.logPath);
  const { link, connection, description } = await reached(settings, { ...options, logPath });
  mkdirSync(dirname(logPath), { recursive: true });
  writeFileSync(logPath, `connected to the trainer at ${settings.address}, which keeps its own log\n`);
  link.up = true;
  const { client } = connection;
  return {
    client:
      settings.data === "shared" ? client : streamedClient(client, new FileTransfer(connection.files), description),
    description,
    telemetry: false,
    exited: link.exited,
    logPath,
    stop: () => link.stop(),
  };
}

/**
 * Asks a trainer service that runs already what it is.
 *
 * @throws as `connectRemote`.
 */
export async function describeRemote(settings: RemoteSettings): Promise<DescribeResponse> {
  const { link, description } = await reached(settings, { logPath: "" });
  await link.stop();
  return description;
}

async function reached(settings: RemoteSettings, options: Omit<OpenTrainerOptions, "roots">) {
  const { address, tls } = settings;
  const credentials = channelCredentials(settings);
  const link = new Link(address, readToken(settings), options.logPath);
  const connection = dial(address, {
    middleware: link.middleware,
    silenceMilliseconds: options.silenceMilliseconds,
    ...(credentials === undefined ? {} : { credentials }),
    ...(tls?.name === undefined ? {} : { serverName: tls.name }),
  });
  void link.exited.then(() => connection.close());
  try {
    const description = await reach(connection.client, address, options.signal);
    checkProtocol(description, `at ${address}`);
    return { link, connection, description };
  } catch (error) {
    await link.stop();
    throw error;
  }
}

/** The first call, again and again while nobody answers. */
async function reach(client: TrainerServiceClient, address: string, signal?: AbortSignal): Promise<DescribeResponse> {
  const deadline = Date.now() + reachMilliseconds;
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.describe({}, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== Status.UNAVAILABLE) throw error;
      if (/certificate|SSL|TLS|altname|EPROTO/i.test(error.details)) {
        throw new UserError(
          `backend.tls: the trainer at ${address} was refused (${error.details}): expected a certificate that ` +
            "backend.tls.authority signed, for this name, in its time; and a client certificate where the trainer asks for one",
        );
      }
      // Somebody listens and hangs up while certificates are shown; a refused connection has a code of its own.
      if (attempt >= hangUps && error.details.includes("Last error: Failed to connect")) {
        throw new UserError(
          `backend.tls: the trainer at ${address} hung up during the TLS handshake: expected TLS there, and where it ` +
            "asks for client certificates, one in backend.tls.certificate that its authority signed",
        );
      }
      if (Date.now() > deadline) {
        throw new UserError(
          `backend.address: no trainer answered at ${address} within ${reachMilliseconds / 1000} s ` +
            `(${error.details}): start it there, or check the address, the port and the firewall`,
        );
      }
      await sleep(500, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** The connection as something that can end. */
class Link {
  readonly exited: Promise<TrainerExit>;
  /** Set once the trainer has answered: from then on a broken connection is the end. */
  up = false;
  readonly #address: string;
  readonly #token: string | undefined;
  readonly #logPath: string;
  #exit: TrainerExit | undefined;
  #settle: (exit: TrainerExit) => void = () => undefined;

  constructor(address: string, token: string | undefined, logPath: string) {
    this.#address = address;
    this.#token = token;
    this.#logPath = logPath;
    this.exited = new Promise((resolve) => (this.#settle = resolve));
  }

  stop(): Promise<void> {
    this.#end({ code: null, signal: null, expected: true, logTail: "" });
    return Promise.resolve();
  }

  /** Adds the token to every call and gives every failure its cause. */
  readonly middleware: ClientMiddleware = ((link: Link): ClientMiddleware =>
    async function* (call, options) {
      if (link.#exit !== undefined) throw new TrainerExitedError(link.#exit, link.#logPath);
      const metadata = Metadata(options.metadata);
      if (link.#token !== undefined) metadata.set("authorization", `Bearer ${link.#token}`);
      try {
        return yield* call.next(call.request, { ...options, metadata });
      } catch (error) {
        if (options.signal?.aborted === true) throw error;
        throw link.#caused(error);
      }
    })(this);

  #caused(error: unknown): unknown {
    if (!(error instanceof ClientError)) return error;
    if (error.code === Status.UNAUTHENTICATED) {
      const found = this.#token === undefined ? "no token was sent" : "the token that was sent is not the trainer's";
      return new UserError(
        `backend.token: the trainer at ${this.#address} refused the call: ${found}: expected the one in its token file`,
      );
    }
    if (isLate(error)) this.#end(hangOf(error));
    if (this.#exit === undefined && this.up && [Status.UNAVAILABLE, Status.CANCELLED].includes(error.code))
      this.#end({ code: null, signal: null, expected: false, logTail: "", lost: `${this.#address}: ${error.details}` });
    if (this.#exit !== undefined) return new TrainerExitedError(this.#exit, this.#logPath);
    return userErrorOf(error) ?? error;
  }

  #end(exit: TrainerExit): void {
    this.#exit ??= exit;
    this.#settle(this.#exit);
  }
}
