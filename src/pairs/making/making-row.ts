import type { PairRow } from "../pair-row.js";
import type { Caption } from "./caption.js";

/** What the making of a rejected text needs of a row. */
export interface MakingRow {
  readonly id: string;
  /** A text that is true of the image. */
  readonly chosen: string;
  /** Names of all that the image shows, lower-case and singular; null where it is not annotated. */
  readonly objects: readonly string[] | null;
  /** How many of each name the image shows; null where nobody counted. */
  readonly counts: ReadonlyMap<string, number> | null;
  /** Words that are true of the things of a name; null where nobody said. */
  readonly attributes: ReadonlyMap<string, ReadonlySet<string>> | null;
  /** Further texts that are true of the image. */
  readonly captions: readonly string[];
  /** `chosen`, where it was read before. */
  readonly caption?: Caption;
}

/** A row that has both of its texts. */
export type RowWithTexts = PairRow & { readonly rejected: string };
