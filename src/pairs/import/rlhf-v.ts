import { type Importer, type PairDraft, RowFault } from "./importer.js";
import { withoutMarkers } from "./messages.js";
import { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

/** RLHF-V: Parquet rows whose `text` is JSON with question, chosen and rejected. Yu et al., arXiv 2312.00849. */
export const rlhfV: Importer = {
  name: "rlhf-v",
  about: "RLHF-V: hallucinations corrected by people",
  documentation: "https://huggingface.co/datasets/openbmb/RLHF-V-Dataset",
  read: (source, settings) => eachPair(source, settings, pairOf),
};

function pairOf(row: RowFields): PairDraft {
  let content: unknown;
  try {
    content = JSON.parse(row.text("text"));
  } catch (error) {
    if (error instanceof RowFault) throw error;
    throw new RowFault("text", "is not JSON, expected {question, chosen, rejected} as JSON text");
  }
  const text = new RowFields(content, "text");
  const index = row.optionalId("idx");
  return {
    ...(index === null ? {} : { id: `rlhf-v-${index}` }),
    images: { field: "image", value: row.required("image") },
    prompt: withoutMarkers(text.text("question"), "text.question"),
    chosen: text.text("chosen"),
    rejected: text.text("rejected"),
  };
}
