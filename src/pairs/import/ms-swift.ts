import { carriedColumns } from "./carried-columns.js";
import { type Importer, type ImportSettings, type PairDraft, RowFault } from "./importer.js";
import { oneAnswer, messagesOf, oneQuestion, sameQuestion } from "./messages.js";
import { refuseOtherContent } from "./other-content.js";
import type { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

const ROLES = { user: "user", system: "system", assistant: "assistant" };

/** Rows of ms-swift: messages with the chosen answer last, and rejected_response, rejected_messages or rejected_images. */
export const msSwift: Importer = {
  name: "ms-swift",
  about: "messages with rejected_response, rejected_messages or rejected_images",
  documentation: "https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html",
  read: (source, settings) => eachPair(source, settings, (row) => pairOf(row, settings)),
};

function pairOf(row: RowFields, settings: ImportSettings): PairDraft {
  refuseOtherContent(row, settings, { numbers: true });
  const objects = row.peek("objects");
  if (objects !== undefined && !Array.isArray(objects)) {
    throw new RowFault("objects", "marks places in the texts, which a pair has no place for");
  }
  const messages = messagesOf(row.required("messages"), "messages");
  const question = messages.slice(0, -1);
  const rejectedImages = row.value("rejected_images");
  return {
    ...carriedColumns(row),
    images: { field: "images", value: row.required("images") },
    rejectedImages: rejectedImages === undefined ? null : { field: "rejected_images", value: rejectedImages },
    prompt: oneQuestion(question, ROLES, "messages", settings.dropSystem, row.value("images")),
    chosen: oneAnswer(messages.slice(-1), ROLES, "messages"),
    rejected: rejected(row, question),
  };
}

function rejected(row: RowFields, question: ReturnType<typeof messagesOf>): string | null {
  const value = row.value("rejected_messages");
  if (value === undefined) {
    const response = row.value("rejected_response");
    if (!Array.isArray(response)) return row.optionalText("rejected_response");
    return oneAnswer(messagesOf(response, "rejected_response"), ROLES, "rejected_response");
  }
  const messages = messagesOf(value, "rejected_messages");
  sameQuestion(question, messages.slice(0, -1), "rejected_messages");
  return oneAnswer(messages.slice(-1), ROLES, "rejected_messages");
}
