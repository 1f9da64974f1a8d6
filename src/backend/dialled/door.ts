import { createHash, timingSafeEqual } from "node:crypto";
import { type CallContext, createServer, ServerError, Status } from "nice-grpc";
import { UserError } from "../../errors.js";
import {
  type DirectorServiceImplementation,
  DirectorServiceDefinition,
  type DirectRequest,
  type DirectResponse,
} from "../../generated/scpo/v1/director.js";
import { readToken } from "../credentials.js";
import { checkListen, type ListenNames, serverCredentials } from "../listen.js";
import { versionProblem } from "../protocol.js";
import type { DialledSettings } from "../settings.js";
import { Caller } from "./caller.js";

const FIELDS: ListenNames = {
  listen: "backend.listen",
  certificate: "backend.tls.certificate",
  key: "backend.tls.key",
  clientAuthority: "backend.tls",
  token: "backend.token",
};

/** Both sides allow messages of this size; an offer holds a number for each row. */
const maxMessageBytes = 64 * 1024 * 1024;
/** A training whose machine is gone counts as gone this long after the last sign of it, twice over. */
const keepaliveMilliseconds = 20_000;
const shutdownMilliseconds = 2000;

/** Where trainings that somebody else started dial in. */
export class Door {
  readonly #token: Buffer | undefined;
  readonly #server;
  #waiting: Caller | undefined;
  #hear: (() => void) | undefined;
  #closed: string | undefined;
  #address = "";
  readonly #log: (line: string) => void;

  private constructor(token: string | undefined, log: (line: string) => void) {
    this.#log = log;
    this.#token = token === undefined ? undefined : digestOf(`Bearer ${token}`);
    this.#server = createServer({
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
      "grpc.keepalive_time_ms": keepaliveMilliseconds,
      "grpc.keepalive_timeout_ms": keepaliveMilliseconds,
    });
    this.#server.add(DirectorServiceDefinition, {
      direct: (requests, context) => this.#direct(requests, context),
    } satisfies DirectorServiceImplementation);
  }

  /**
   * Begins to listen.
   *
   * @param log - Told who dials, and who is refused and why.
   * @throws UserError for an unsafe or taken address, for certificates and tokens that do not serve.
   */
  static async open(settings: DialledSettings, log: (line: string) => void = () => undefined): Promise<Door> {
    const { listen, tls } = settings;
    const token = readToken(settings);
    const guarded = tls === undefined ? {} : { tls };
    const address = await checkListen({ listen, tokens: token !== undefined, names: FIELDS, ...guarded });
    const door = new Door(token, log);
    try {
      const port = await door.#server.listen(address, serverCredentials(tls, FIELDS));
      door.#address = address.startsWith("unix:") ? address : address.replace(/:\d+$/, `:${port}`);
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new UserError(`backend.listen: cannot listen on ${address}: ${message}`, { cause });
    }
    return door;
  }

  /** As given, with the port that was taken. */
  get address(): string {
    return this.#address;
  }

  /**
   * The training that waits, once one does; it goes on waiting.
   *
   * @param milliseconds How long to wait; left out: until one dials.
   * @returns Undefined when none dialled in time.
   */
  async look(signal?: AbortSignal, milliseconds?: number): Promise<Caller | undefined> {
    signal?.throwIfAborted();
    if (this.#waiting !== undefined) return this.#waiting;
    let timer: NodeJS.Timeout | undefined;
    const wake = () => this.#hear?.();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      await new Promise<void>((resolve) => {
        this.#hear = resolve;
        if (milliseconds !== undefined) timer = setTimeout(resolve, milliseconds);
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      this.#hear = undefined;
    }
    signal?.throwIfAborted();
    return this.#waiting;
  }

  /** Takes the training that waits; the next one may then wait. */
  take(caller: Caller): void {
    if (this.#waiting === caller) this.#waiting = undefined;
  }

  /** Sends a training away, with one line for whoever started it and for the log. */
  refuse(caller: Caller, line: string): void {
    this.take(caller);
    this.#log(`refused ${caller.title}: ${line}`);
    caller.refuse(line);
  }

  /** Listens no more; a training that waits hears why. */
  async close(reason: string): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#waiting?.refuse(reason);
    const force = setTimeout(() => this.#server.forceShutdown(), shutdownMilliseconds);
    await this.#server.shutdown();
    clearTimeout(force);
  }

  async *#direct(
    requests: AsyncIterable<DirectRequest>,
    context: CallContext,
  ): AsyncGenerator<DirectResponse, void, undefined> {
    if (!this.#isKnown(context.metadata.get("authorization"))) {
      throw new ServerError(
        Status.UNAUTHENTICATED,
        "expected metadata authorization: Bearer TOKEN with this director's",
      );
    }
    const incoming = requests[Symbol.asyncIterator]();
    const first = await incoming.next();
    const request = first.done === true ? undefined : first.value.request;
    if (request?.$case !== "offer") {
      throw new ServerError(Status.INVALID_ARGUMENT, "found no offer, expected one before anything else");
    }
    const caller = new Caller(request.value, incoming, context.signal);
    this.#arrived(caller);
    yield* caller.answers(context.signal);
  }

  #arrived(caller: Caller): void {
    const wrong = versionProblem(caller.offer, "that dialled");
    if (wrong !== undefined) return this.refuse(caller, wrong);
    if (this.#closed !== undefined) return caller.refuse(this.#closed);
    if (this.#waiting !== undefined) {
      return this.refuse(
        caller,
        `another training, ${this.#waiting.title}, waits here already: end it, or dial another run`,
      );
    }
    this.#log(`${caller.title} dialled`);
    this.#waiting = caller;
    void caller.gone.then(() => this.take(caller));
    this.#hear?.();
  }

  #isKnown(header: string | undefined): boolean {
    return this.#token === undefined || timingSafeEqual(this.#token, digestOf(header ?? ""));
  }
}

/** Digests have one length, whatever the token's. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
