import { carriedColumns } from "./carried-columns.js";
import type { Importer, ImportSettings, PairDraft } from "./importer.js";
import { messagesOf, oneAnswer, oneQuestion, sameQuestion, withoutMarkers } from "./messages.js";
import type { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

const ROLES = { user: "user", system: "system", assistant: "assistant" };

/** Preference rows of TRL: plain or conversational, with a prompt or with one that both texts begin with. */
export const trl: Importer = {
  name: "trl",
  about: "preference rows of TRL, plain or conversational",
  documentation: "https://huggingface.co/docs/trl/dataset_formats",
  read: (source, settings) => eachPair(source, settings, (row) => pairOf(row, settings)),
};

function pairOf(row: RowFields, settings: ImportSettings): PairDraft {
  const images = ["images", "image"].find((name) => row.value(name) !== undefined) ?? "images";
  const rejectedImages = ["rejected_images", "rejected_image"].find((name) => row.value(name) !== undefined);
  return {
    ...carriedColumns(row),
    images: { field: images, value: row.required(images) },
    rejectedImages: rejectedImages === undefined ? null : { field: rejectedImages, value: row.value(rejectedImages) },
    ...texts(row, settings, row.value(images)),
  };
}

function texts(
  row: RowFields,
  settings: ImportSettings,
  images: unknown,
): { prompt: string; chosen: string; rejected: string | null } {
  // Unpaired preferences have one completion; those that are marked as bad were refused before.
  const good = row.peek("chosen") === undefined && row.peek("completion") !== undefined ? "completion" : "chosen";
  if (typeof row.required(good) === "string") {
    const prompt = withoutMarkers(row.text("prompt"), "prompt", images);
    return { prompt, chosen: row.text(good), rejected: row.optionalText("rejected") };
  }
  const chosen = messagesOf(row.required(good), good);
  const rejected = row.value("rejected") === undefined ? null : messagesOf(row.value("rejected"), "rejected");
  const said = row.value("prompt");
  const before = said === undefined ? chosen.slice(0, -1) : messagesOf(said, "prompt");
  if (said === undefined && rejected !== null) sameQuestion(before, rejected.slice(0, -1), "rejected");
  const skip = said === undefined ? before.length : 0;
  return {
    prompt: oneQuestion(before, ROLES, said === undefined ? good : "prompt", settings.dropSystem, images),
    chosen: oneAnswer(chosen.slice(skip), ROLES, good),
    rejected: rejected === null ? null : oneAnswer(rejected.slice(skip), ROLES, "rejected"),
  };
}
