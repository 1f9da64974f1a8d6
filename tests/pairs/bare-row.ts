import type { PairRow } from "../../src/pairs/pair-row.js";

/**
 * A row of a pairs file.
 *
 * @param parts - What it holds; the rest is null.
 */
export function bareRow(parts: Pick<PairRow, "id" | "images" | "chosen"> & Partial<PairRow>): PairRow {
  return {
    rejectedImages: null,
    prompt: "Describe the picture.",
    rejected: null,
    kind: null,
    detail: null,
    chosenWord: null,
    rejectedWord: null,
    objects: null,
    rejectedObjects: null,
    rejectedTrue: null,
    rejectedTrueBy: null,
    extra: null,
    captions: null,
    annotations: null,
    imagesOrigin: null,
    chosenOrigin: null,
    rejectedImagesOrigin: null,
    rejectedOrigin: null,
    source: null,
    signals: {},
    difficulty: null,
    stage: null,
    ...parts,
  };
}
