import { carriedColumns } from "./carried-columns.js";
import { type Importer, type ImportSettings, type PairDraft, RowFault } from "./importer.js";
import { withoutMarkers } from "./messages.js";
import type { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

/**
 * The columns of a pairs file as JSON lines, images as paths or data URIs. Captioned images need no more than
 * `{"image": "a.jpg", "caption": "A dog."}`.
 */
export const jsonl: Importer = {
  name: "jsonl",
  about: "JSON lines with the columns of a pairs file, or images with captions",
  documentation: "docs/pairs.md, Columns",
  read: (source, settings) => eachPair(source, settings, (row) => pairOf(row, settings)),
};

function pairOf(row: RowFields, settings: ImportSettings): PairDraft {
  const captions = row.optionalTexts("captions") ?? (row.value("caption") === undefined ? null : [row.text("caption")]);
  const chosen = row.optionalText("chosen") ?? captions?.[0];
  if (chosen === undefined) throw new RowFault("chosen", "is missing, and so are captions; expected one of them");
  return {
    ...carriedColumns(row),
    captions,
    images: images(row, "images", "image") ?? { field: "images", value: row.required("images") },
    rejectedImages: images(row, "rejected_images", "rejected_image"),
    prompt: withoutMarkers(row.optionalText("prompt") ?? settings.prompt, "prompt", row.value("images")),
    chosen,
    rejected: row.optionalText("rejected"),
  };
}

function images(row: RowFields, ...names: string[]): { field: string; value: unknown } | null {
  const field = names.find((name) => row.value(name) !== undefined);
  return field === undefined ? null : { field, value: row.value(field) };
}
