import { join } from "node:path";
import { UserError } from "../errors.js";
import { cachedVerdict, keepVerdict, type Question } from "./judging/cache.js";
import { chat, chatUrl, type ChatAnswer, type Endpoint } from "./judging/http.js";

/** A turn of the conversation with a judge. */
export interface Message {
  readonly role: "system" | "user";
  readonly content: string;
}

/** Fields of a chat completion request besides model and messages, for example `temperature`. */
export type JudgeSettings = Readonly<Record<string, unknown>>;

/** A model that judges answers. */
export interface Judge {
  /** Name of the model as the endpoint knows it. */
  readonly name: string;
  /** Most questions under way at a time. */
  readonly concurrency: number;
  /**
   * Settings as they are sent.
   *
   * @param official - What the benchmark asks for.
   * @returns Those, overlaid with the user's.
   */
  settings(official: JudgeSettings): JudgeSettings;
  /**
   * Asks, or takes the answer from the cache.
   *
   * @param messages - The conversation.
   * @param official - Settings that the benchmark asks for.
   * @param again - 0 for the first time; a benchmark that may ask once more counts up.
   * @throws UserError when the judge gives no answer after all tries; what was answered before stays cached.
   */
  ask(messages: readonly Message[], official: JudgeSettings, again?: number): Promise<ChatAnswer>;
}

/** Options of the command line that name a judge. */
export interface JudgeOptions {
  /** Base address of an OpenAI-compatible endpoint, for example "http://localhost:8000/v1". */
  judgeUrl?: string | undefined;
  /** Name of the model there. */
  judgeModel?: string | undefined;
  /** Folder of the cache. */
  judgeCache?: string | undefined;
  /** Most questions under way at a time, as text. */
  judgeConcurrency?: string | undefined;
  /** JSON object of request fields that replace the benchmark's; null takes one away. */
  judgeSettings?: string | undefined;
}

/** The options above as a command declares them: flags and meaning. */
export const JUDGE_FLAGS: readonly (readonly [flags: string, meaning: string])[] = [
  ["--judge-url <address>", "OpenAI-compatible endpoint of the judge; its key is read from SCPO_JUDGE_API_KEY"],
  ["--judge-model <name>", "name of the judge there"],
  ["--judge-cache <folder>", "where verdicts are kept (default: runs/judge-cache)"],
  ["--judge-concurrency <number>", "most questions under way at a time (default: 8)"],
  ["--judge-settings <json>", "request fields in place of the benchmark's; null takes one away"],
];

/** Where verdicts are kept when the user names no folder. */
const DEFAULT_CACHE = join("runs", "judge-cache");
const DEFAULT_CONCURRENCY = 8;
/** Fields of a request that are not the user's to replace. */
const RESERVED = ["model", "messages", "stream", "n"];

/**
 * Makes the judge that a command's options name.
 *
 * @param options - As parsed.
 * @param environment - Holds the key in `SCPO_JUDGE_API_KEY`.
 * @param signal - Stops questions under way.
 * @returns The judge, or undefined where no option names one.
 * @throws UserError when an option is missing or malformed.
 */
export function judgeFromOptions(
  options: JudgeOptions,
  environment: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): Judge | undefined {
  const { judgeUrl, judgeModel } = options;
  if (judgeUrl === undefined && judgeModel === undefined) {
    if (Object.values(options).every((value) => value === undefined)) return undefined;
    throw new UserError("options for a judge without one: name it with --judge-url and --judge-model");
  }
  if (judgeUrl === undefined) throw new UserError("--judge-url is missing; name the endpoint of --judge-model");
  if (judgeModel === undefined || judgeModel === "") {
    throw new UserError("--judge-model is missing; name the model at --judge-url");
  }
  const key = environment["SCPO_JUDGE_API_KEY"]?.trim();
  if (key !== undefined && !/^[\x21-\x7e]*$/.test(key)) {
    throw new UserError("SCPO_JUDGE_API_KEY holds blanks or characters outside ASCII; set it to the key alone");
  }
  return openJudge({
    model: judgeModel,
    endpoint: {
      url: chatUrl(judgeUrl),
      ...(key !== undefined && key !== "" ? { key } : {}),
      ...(signal === undefined ? {} : { signal }),
    },
    cache: options.judgeCache ?? DEFAULT_CACHE,
    concurrency: concurrencyFrom(options.judgeConcurrency),
    overrides: overridesFrom(options.judgeSettings),
  });
}

/** What a judge consists of. */
export interface JudgeParts {
  model: string;
  endpoint: Endpoint;
  /** Folder of the cache. */
  cache: string;
  concurrency: number;
  /** Request fields in place of the benchmark's; null takes one away. */
  overrides: JudgeSettings;
}

/**
 * Opens a judge.
 *
 * @param parts - See there.
 * @returns The judge; nothing is sent before the first question.
 */
export function openJudge({ model, endpoint, cache, concurrency, overrides }: JudgeParts): Judge {
  const settings = (official: JudgeSettings): JudgeSettings =>
    Object.fromEntries(Object.entries({ ...official, ...overrides }).filter(([, value]) => value !== null));
  return {
    name: model,
    concurrency,
    settings,
    async ask(messages, official, again = 0) {
      const question: Question = { model, settings: settings(official), messages, again };
      const known = await cachedVerdict(cache, question);
      if (known !== undefined) return known;
      const request = { ...question.settings, model, messages };
      const answer = await chat(endpoint, request).catch((cause: unknown) => {
        if (!(cause instanceof UserError)) throw cause;
        throw new UserError(
          `${cause.message}; verdicts so far are kept in ${cache}, the same command goes on from there`,
        );
      });
      await keepVerdict(cache, question, answer);
      return answer;
    },
  };
}

function concurrencyFrom(text: string | undefined): number {
  if (text === undefined) return DEFAULT_CONCURRENCY;
  const concurrency = Number(text);
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 1000) return concurrency;
  throw new UserError(`--judge-concurrency is ${JSON.stringify(text)}, expected a whole number from 1 to 1000`);
}

function overridesFrom(text: string | undefined): JudgeSettings {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError('--judge-settings is not a JSON object; expected one such as {"temperature": 0}');
  }
  const reserved = RESERVED.find((name) => Object.hasOwn(value, name));
  if (reserved !== undefined) {
    throw new UserError(`--judge-settings holds ${reserved}, which is not a setting; leave it out`);
  }
  return value as JudgeSettings;
}
