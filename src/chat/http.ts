import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.js";

/** How messages to the user name a model and what belongs to it. */
export interface ChatNames {
  /** Who is asked, for example "judge"; the flags of the command begin with it: `--judge-url`. */
  readonly who: string;
  /** Environment variable that holds the key. */
  readonly keyVariable: string;
  /** What it answers, for example "verdicts". */
  readonly answers: string;
}

/** An OpenAI-compatible endpoint. */
export interface Endpoint {
  names: ChatNames;
  /** Full address, as {@link endpointUrl} makes it. */
  url: string;
  /** Sent as bearer token; never written anywhere. */
  key?: string;
  /** How often a question is put before giving up; 6 where absent. */
  tries?: number;
  /** Milliseconds before the second try, doubled for each further one; 1000 where absent. */
  firstDelay?: number;
  /** Milliseconds that an answer may take; 180000 where absent. */
  timeout?: number;
  /** Most bytes of an answer, as it is after decompression; 16 MiB where absent. */
  largestAnswer?: number;
  signal?: AbortSignal;
}

/** A turn of the conversation with a model. */
export interface Message {
  readonly role: "system" | "user";
  readonly content: string;
}

/** Fields of a chat completion request besides model and messages, for example `temperature`. */
export type ChatSettings = Readonly<Record<string, unknown>>;

/** What a model said. */
export interface ChatAnswer {
  content: string;
  /** Name under which the endpoint says that the model answered. */
  model: string;
}

/** Longest wait in milliseconds that a server may ask for. */
const LONGEST_WAIT = 600_000;
/** Keys of servers of one's own may be a letter; what is this long stands nowhere by chance. */
const SHORTEST_SECRET = 8;
const LARGEST_ANSWER = 16 * 2 ** 20;
/** Of a failure's answer no more is read: a message is short. */
const LARGEST_FAILURE = 64 * 1024;
/** Statuses besides 5xx that waiting may mend. */
const PASSING = new Set([408, 409, 425, 429]);

/** The endpoint refuses what it is asked; another try would not mend that. */
export class Refusal extends UserError {
  readonly status: number;
  /** What the server says, in one line and without the key. */
  readonly said: string;
  constructor(message: string, status: number, said: string) {
    super(message);
    this.status = status;
    this.said = said;
  }
}

/** A failure that another try may mend. */
export class PassingFailure extends Error {
  /** Milliseconds that the server asks to wait, 0 where it does not say. */
  readonly wait: number;
  constructor(message: string, wait = 0) {
    super(message);
    this.wait = wait;
  }
}

/**
 * Completes the address of an endpoint.
 *
 * @param base - As the user writes it, for example "http://localhost:8000/v1".
 * @param names - How errors name the flags.
 * @param path - What is asked for below it, for example "/chat/completions".
 * @throws UserError when it is no http or https address, or holds credentials.
 */
export function endpointUrl(base: string, names: ChatNames, path: string): string {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new UserError(
      `--${names.who}-url is ${JSON.stringify(base)}, expected an address such as http://localhost:8000/v1`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new UserError(
      `--${names.who}-url holds a user name or password; put the key into ${names.keyVariable} instead`,
    );
  }
  const given = url.pathname.replace(/\/+$/, "");
  url.pathname = given.endsWith(path) ? given : `${given}${path}`;
  return url.href;
}

/** The address of an endpoint's chat completions; see {@link endpointUrl}. */
export function chatUrl(base: string, names: ChatNames): string {
  return endpointUrl(base, names, "/chat/completions");
}

/**
 * Puts a question to an endpoint.
 *
 * @param endpoint - Where.
 * @param request - Body of the request.
 * @returns The first choice's text.
 * @throws UserError after the last try, or at once where the endpoint refuses the question.
 */
export function chat(endpoint: Endpoint, request: object): Promise<ChatAnswer> {
  const headers = { "content-type": "application/json" };
  return post(endpoint, { headers, body: JSON.stringify(request) }, (answer) => answerOf(endpoint, answer, request));
}

/**
 * Posts to an endpoint, again after a growing pause where a failure may pass.
 *
 * @param endpoint - Where.
 * @param request - Body, and headers besides the key's.
 * @param read - Reads the JSON that is answered; throws {@link PassingFailure} where another try may answer better.
 * @returns What `read` returns.
 * @throws UserError after the last try, {@link Refusal} at once where the endpoint refuses the question.
 */
export async function post<Answer>(
  endpoint: Endpoint,
  request: { headers?: Record<string, string>; body: string | FormData },
  read: (answer: unknown) => Answer,
): Promise<Answer> {
  const { tries = 6, firstDelay = 1000, signal } = endpoint;
  for (let attempt = 1; ; attempt++) {
    try {
      return read(await once(endpoint, request));
    } catch (cause) {
      signal?.throwIfAborted();
      if (!(cause instanceof PassingFailure)) throw cause;
      if (attempt === tries) throw failure(endpoint, `no answer after ${tries} tries (${cause.message})`);
      if (cause.wait > LONGEST_WAIT) {
        throw failure(endpoint, `asks to wait ${Math.round(cause.wait / 60_000)} minutes (${cause.message})`);
      }
      // Half of the pause is random, so that questions under way together do not come back together.
      const pause = firstDelay * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      await sleep(Math.max(pause, cause.wait), undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function once(
  endpoint: Endpoint,
  { headers, body: sent }: { headers?: Record<string, string>; body: string | FormData },
): Promise<unknown> {
  const { names, url, key, timeout = 180_000, largestAnswer = LARGEST_ANSWER, signal } = endpoint;
  const deadline = AbortSignal.timeout(timeout);
  let response: Response;
  let answer: BoundedBody;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { ...headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: sent,
      // Texts, images and the key go to the address that the user named and nowhere else.
      redirect: "manual",
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    answer = await boundedBody(response, response.ok ? largestAnswer : LARGEST_FAILURE);
  } catch (cause) {
    throw new PassingFailure(deadline.aborted ? `nothing within ${timeout / 1000} s` : reasonOf(endpoint, cause));
  }
  if (answer.cut && response.ok) {
    throw failure(endpoint, `answers with more than ${largestAnswer / 2 ** 20} MiB, expected less; check the address`);
  }
  const body = new TextDecoder().decode(answer.bytes);
  if (response.status >= 300 && response.status < 400) {
    const said = `status ${response.status}`;
    const location = response.headers.get("location") ?? "";
    const place = URL.canParse(location, url) ? new URL(location, url).origin : "nowhere";
    const { message } = failure(
      endpoint,
      `redirects to ${place} (${said}), and nothing is sent where the command line does not say; ` +
        `if that place is right, name it with --${names.who}-url`,
    );
    throw new Refusal(message, response.status, said);
  }
  if (!response.ok) {
    const said = `status ${response.status}: ${serverMessage(endpoint, body)}`;
    if (PASSING.has(response.status) || response.status >= 500) {
      throw new PassingFailure(said, waitOf(response.headers.get("retry-after")));
    }
    const advice = `check address, model, settings and ${names.keyVariable}`;
    const { message } = failure(endpoint, `refuses the question (${said}); ${advice}`);
    throw new Refusal(message, response.status, said);
  }
  try {
    return JSON.parse(body);
  } catch {
    throw new PassingFailure(`answer is not JSON: ${oneLine(endpoint, body)}`);
  }
}

interface BoundedBody {
  readonly bytes: Uint8Array;
  /** Whether there is more. */
  readonly cut: boolean;
}

/** Reads an answer's body up to a number of bytes; the rest is left unread. */
async function boundedBody(response: Response, most: number): Promise<BoundedBody> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop ends the transfer.
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > most) break;
  }
  return { bytes: Buffer.concat(pieces, Math.min(bytes, most)), cut: bytes > most };
}

function answerOf(endpoint: Endpoint, value: unknown, request: object): ChatAnswer {
  const { choices, model } = (value ?? {}) as { choices?: { message?: { content?: unknown } }[]; model?: unknown };
  const content = Array.isArray(choices) ? choices[0]?.message?.content : undefined;
  if (typeof content !== "string") {
    throw new PassingFailure(`answer holds no text: ${oneLine(endpoint, JSON.stringify(value))}`);
  }
  return { content, model: typeof model === "string" ? model : String((request as { model?: unknown }).model) };
}

/**
 * Reads the header Retry-After.
 *
 * @param header - Seconds or a date.
 * @returns Milliseconds, 0 where it is absent or past.
 */
function waitOf(header: string | null): number {
  if (header === null) return 0;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(wait) && wait > 0 ? wait : 0;
}

/** An error that names the endpoint. */
export function failure(endpoint: Endpoint, what: string): UserError {
  return new UserError(`${endpoint.names.who} at ${new URL(endpoint.url).origin}: ${withoutKey(endpoint, what)}`);
}

function withoutKey({ key }: Endpoint, text: string): string {
  // Some servers repeat the key that they refuse. A short key stands by chance within words, which are no secret.
  if (key === undefined) return text;
  return [key, JSON.stringify(key).slice(1, -1)].reduce((rest, secret) => {
    const whole = secret.length >= SHORTEST_SECRET ? "" : "\\w";
    const quoted = secret.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    return rest.replace(new RegExp(whole === "" ? quoted : `(?<!${whole})${quoted}(?!${whole})`, "g"), "[key]");
  }, text);
}

function reasonOf(endpoint: Endpoint, cause: unknown): string {
  const { cause: deeper } = cause as { cause?: { code?: unknown; message?: unknown } };
  if (typeof deeper?.message === "string" && deeper.message !== "") return oneLine(endpoint, deeper.message);
  if (typeof deeper?.code === "string") return deeper.code;
  return oneLine(endpoint, cause instanceof Error ? cause.message : String(cause));
}

function serverMessage(endpoint: Endpoint, body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } | string };
    const message = typeof error === "string" ? error : error?.message;
    if (typeof message === "string") return oneLine(endpoint, message);
  } catch {
    // Not every server answers failures in JSON.
  }
  return oneLine(endpoint, body);
}

/** A text for a message: the key first taken out, since half of one that was cut would no longer be recognised. */
function oneLine(endpoint: Endpoint, text: string): string {
  const line = withoutKey(endpoint, text).replace(/\s+/g, " ").trim();
  if (line === "") return "(empty)";
  return line.length <= 160 ? line : `${line.slice(0, 157)}...`;
}
