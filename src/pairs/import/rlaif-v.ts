import type { Importer, PairDraft } from "./importer.js";
import { withoutMarkers } from "./messages.js";
import type { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

/** RLAIF-V: Parquet rows with image, question, chosen and rejected. Yu et al., arXiv 2405.17220. */
export const rlaifV: Importer = {
  name: "rlaif-v",
  about: "RLAIF-V: answers that open models compared",
  documentation: "https://huggingface.co/datasets/openbmb/RLAIF-V-Dataset",
  read: (source, settings) => eachPair(source, settings, pairOf),
};

function pairOf(row: RowFields): PairDraft {
  const index = row.optionalId("idx");
  return {
    ...(index === null ? {} : { id: `rlaif-v-${index}` }),
    images: { field: "image", value: row.required("image") },
    prompt: withoutMarkers(row.text("question"), "question"),
    chosen: row.text("chosen"),
    rejected: row.text("rejected"),
  };
}
