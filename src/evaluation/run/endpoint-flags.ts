import { chatFlags } from "../../chat/chat-model.js";
import type { ChatNames } from "../../chat/http.js";

/** How messages to the user name a model that answers from elsewhere. */
export const ENDPOINT: ChatNames = { who: "endpoint", keyVariable: "SCPO_ENDPOINT_API_KEY", answers: "answers" };

/** Options of the command line that name it: flags and meaning. Answers are kept beside the answer file, in no cache. */
export const ENDPOINT_FLAGS = chatFlags(ENDPOINT).filter(([flags]) => !flags.startsWith("--endpoint-cache"));
