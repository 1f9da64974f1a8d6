import {
  chatFlags,
  chatModelFromOptions,
  type ChatModel,
  type ChatModelParts,
  openChatModel,
} from "../chat/chat-model.js";
import type { ChatNames, ChatSettings, Endpoint } from "../chat/http.js";

export type { Message } from "../chat/http.js";

/** A model that judges answers. */
export type Judge = ChatModel;

/** Settings that a benchmark asks for. */
export type JudgeSettings = ChatSettings;

/** How messages to the user name the judge. */
export const JUDGE: ChatNames = { who: "judge", keyVariable: "SCPO_JUDGE_API_KEY", answers: "verdicts" };

/** Options of the command line that name a judge. */
export interface JudgeOptions {
  judgeUrl?: string | undefined;
  judgeModel?: string | undefined;
  judgeCache?: string | undefined;
  judgeConcurrency?: string | undefined;
  judgeSettings?: string | undefined;
}

/** The options above as a command declares them: flags and meaning. */
export const JUDGE_FLAGS = chatFlags(JUDGE);

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
  const { judgeUrl: url, judgeModel: model, judgeCache: cache } = options;
  const { judgeConcurrency: concurrency, judgeSettings: settings } = options;
  return chatModelFromOptions(JUDGE, { url, model, cache, concurrency, settings }, environment, signal);
}

/** What a judge consists of. */
export interface JudgeParts extends Omit<ChatModelParts, "endpoint"> {
  endpoint: Omit<Endpoint, "names">;
}

/**
 * Opens a judge.
 *
 * @param parts - See there.
 * @returns The judge; nothing is sent before the first question.
 */
export function openJudge(parts: JudgeParts): Judge {
  return openChatModel({ ...parts, endpoint: { ...parts.endpoint, names: JUDGE } });
}
