import { join } from "node:path";
import { articleFor } from "../english/article.js";
import { UserError } from "../errors.js";
import { cachedAnswer, keepAnswer, type Question } from "./cache.js";
import {
  chat,
  endpointUrl,
  type ChatAnswer,
  type ChatNames,
  type ChatSettings,
  type Endpoint,
  type Message,
} from "./http.js";

/** A model behind an OpenAI-compatible endpoint; it is asked the same only once. */
export interface ChatModel {
  /** Name of the model as the endpoint knows it. */
  readonly name: string;
  /** Most questions under way at a time. */
  readonly concurrency: number;
  /**
   * Settings as they are sent.
   *
   * @param wanted - What the asker wants.
   * @returns Those, overlaid with the user's.
   */
  settings(wanted: ChatSettings): ChatSettings;
  /**
   * Asks, or takes the answer from the cache.
   *
   * @param messages - The conversation.
   * @param wanted - Settings that the asker wants.
   * @param again - 0 for the first time; who may ask once more counts up.
   * @throws UserError when the model gives no answer after all tries; what was answered before stays cached.
   */
  ask(messages: readonly Message[], wanted: ChatSettings, again?: number): Promise<ChatAnswer>;
}

/** Options of the command line that name a model. */
export interface ChatOptions {
  /** Base address of an OpenAI-compatible endpoint, for example "http://localhost:8000/v1". */
  url?: string | undefined;
  /** Name of the model there. */
  model?: string | undefined;
  /** Folder of the cache. */
  cache?: string | undefined;
  /** Most questions under way at a time, as text. */
  concurrency?: string | undefined;
  /** JSON object of request fields that replace the asker's; null takes one away. */
  settings?: string | undefined;
}

/** The options above as a command declares them: flags and meaning. */
export function chatFlags({ who, keyVariable, answers }: ChatNames): (readonly [flags: string, meaning: string])[] {
  return [
    [`--${who}-url <address>`, `OpenAI-compatible endpoint of the ${who}; its key is read from ${keyVariable}`],
    [`--${who}-model <name>`, `name of the ${who} there`],
    [`--${who}-cache <folder>`, `where ${answers} are kept (default: ${defaultCache(who)})`],
    [`--${who}-concurrency <number>`, `most questions under way at a time (default: ${DEFAULT_CONCURRENCY})`],
    [`--${who}-settings <json>`, "request fields in place of the default ones; null takes one away"],
  ];
}

const DEFAULT_CONCURRENCY = 8;
/** Fields of a request that are not the user's to replace. */
const RESERVED = ["model", "messages", "stream", "n"];

/** Where answers are kept when the user names no folder. */
function defaultCache(who: string): string {
  return join("runs", `${who}-cache`);
}

/**
 * Makes the model that a command's options name.
 *
 * @param names - How errors name it and its flags.
 * @param options - As parsed.
 * @param environment - Holds the key in the variable of `names`.
 * @param signal - Stops questions under way.
 * @returns The model, or undefined where no option names one.
 * @throws UserError when an option is missing or malformed.
 */
export function chatModelFromOptions(
  names: ChatNames,
  options: ChatOptions,
  environment: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): ChatModel | undefined {
  const parts = partsFromOptions(names, options, {
    path: "/chat/completions",
    reserved: RESERVED,
    environment,
    signal,
  });
  return parts === undefined ? undefined : openChatModel(parts);
}

/**
 * Reads the options that name a model.
 *
 * @param names - See {@link chatModelFromOptions}, as are `options`, `environment` and `signal`.
 * @param endpoint.path - What is asked for below the base address.
 * @param endpoint.reserved - Fields of a request that are not the user's to replace.
 */
export function partsFromOptions(
  names: ChatNames,
  options: ChatOptions,
  endpoint: {
    path: string;
    reserved: readonly string[];
    environment: NodeJS.ProcessEnv;
    signal?: AbortSignal | undefined;
  },
): ChatModelParts | undefined {
  const { path, reserved, environment, signal } = endpoint;
  const { url, model } = options;
  const { who, keyVariable } = names;
  if (url === undefined && model === undefined) {
    if (Object.values(options).every((value) => value === undefined)) return undefined;
    throw new UserError(
      `options for ${articleFor(who)} ${who} without one: name it with --${who}-url and --${who}-model`,
    );
  }
  if (url === undefined) throw new UserError(`--${who}-url is missing; name the endpoint of --${who}-model`);
  if (model === undefined || model === "") {
    throw new UserError(`--${who}-model is missing; name the model at --${who}-url`);
  }
  const key = environment[keyVariable]?.trim();
  if (key !== undefined && !/^[\x21-\x7e]*$/.test(key)) {
    throw new UserError(`${keyVariable} holds blanks or characters outside ASCII; set it to only the key`);
  }
  return {
    model,
    endpoint: {
      names,
      url: endpointUrl(url, names, path),
      ...(key !== undefined && key !== "" ? { key } : {}),
      ...(signal === undefined ? {} : { signal }),
    },
    cache: options.cache ?? defaultCache(who),
    concurrency: concurrencyFrom(who, options.concurrency),
    overrides: overridesFrom(who, options.settings, reserved),
  };
}

/** What a model consists of. */
export interface ChatModelParts {
  model: string;
  endpoint: Endpoint;
  /** Folder of the cache. */
  cache: string;
  concurrency: number;
  /** Request fields in place of the asker's; null takes one away. */
  overrides: ChatSettings;
}

/**
 * Opens a model.
 *
 * @param parts - See there.
 * @returns The model; nothing is sent before the first question.
 */
export function openChatModel({ model, endpoint, cache, concurrency, overrides }: ChatModelParts): ChatModel {
  const settings = (wanted: ChatSettings): ChatSettings =>
    Object.fromEntries(Object.entries({ ...wanted, ...overrides }).filter(([, value]) => value !== null));
  return {
    name: model,
    concurrency,
    settings,
    async ask(messages, wanted, again = 0) {
      const question: Question = { model, settings: settings(wanted), messages, again };
      const known = await cachedAnswer(cache, question);
      if (known !== undefined) return known;
      const request = { ...question.settings, model, messages };
      const answer = await chat(endpoint, request).catch((cause: unknown) => sayWhatIsKept(cause, endpoint, cache));
      await keepAnswer(cache, question, answer);
      return answer;
    },
  };
}

/**
 * Adds to an error of an endpoint that nothing is lost.
 *
 * @throws Always; what is no UserError as it is.
 */
export function sayWhatIsKept(cause: unknown, { names }: Endpoint, cache: string): never {
  if (!(cause instanceof UserError)) throw cause;
  const kept = `${names.answers} so far are kept in ${cache}; run the same command to continue`;
  throw new UserError(`${cause.message}; ${kept}`);
}

function concurrencyFrom(who: string, text: string | undefined): number {
  if (text === undefined) return DEFAULT_CONCURRENCY;
  const concurrency = Number(text);
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 1000) return concurrency;
  throw new UserError(`--${who}-concurrency is ${JSON.stringify(text)}, expected a whole number from 1 to 1000`);
}

function overridesFrom(who: string, text: string | undefined, reserved: readonly string[]): ChatSettings {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError(`--${who}-settings is not a JSON object; expected one such as {"temperature": 0}`);
  }
  const wrong = reserved.find((name) => Object.hasOwn(value, name));
  if (wrong !== undefined) {
    throw new UserError(`--${who}-settings holds ${wrong}, which is not a setting; leave it out`);
  }
  return value as ChatSettings;
}
