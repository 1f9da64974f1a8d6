import type { ChatNames } from "../../chat/http.js";

/** How messages to the user name the model that writes texts. */
export const WRITER: ChatNames = { who: "writer", keyVariable: "SCPO_WRITER_API_KEY", answers: "texts" };

/** How messages to the user name the model that edits images. */
export const EDITOR: ChatNames = { who: "editor", keyVariable: "SCPO_EDITOR_API_KEY", answers: "pictures" };
