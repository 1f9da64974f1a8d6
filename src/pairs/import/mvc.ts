import type { Importer, PairDraft } from "./importer.js";
import { withoutMarkers } from "./messages.js";
import type { RowFields } from "./row-fields.js";
import { eachPair } from "./source-rows.js";

/** MVC of S-VCO: two images and two texts under one instruction. Wu et al., arXiv 2502.13928. */
export const mvc: Importer = {
  name: "mvc",
  about: "S-VCO's MVC: minimal visual contrasts, complete quadruples",
  documentation: "https://github.com/s-vco/s-vco",
  read: (source, settings) => eachPair(source, settings, pairOf),
};

function pairOf(row: RowFields): PairDraft {
  return {
    images: { field: "chosen_images", value: row.list("chosen_images") },
    rejectedImages: { field: "rejected_images", value: row.list("rejected_images") },
    prompt: withoutMarkers(row.text("instruction_prompt"), "instruction_prompt", row.value("chosen_images")),
    chosen: row.text("chosen_response"),
    rejected: row.text("rejected_response"),
    // What the set is built for: each text is true of its own image.
    rejectedTrue: true,
    rejectedTrueBy: "construction",
  };
}
