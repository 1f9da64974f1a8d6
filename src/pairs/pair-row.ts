import type { ContrastPair, ContrastPairText } from "./contrast-pair.js";
import type { Column, Row } from "./table.js";

/**
 * Columns with a signal that a difficulty can be made of; each is a number a pair, null before it is measured.
 * A file may hold further number columns: they are signals of the user's own.
 */
export const SIGNAL_COLUMNS = [
  "entropy",
  "image_similarity",
  "transport_distance",
  "word_proximity",
  "reward_gap",
  "edit_distance",
  "image_difference",
  "blind_margin",
  "tokens",
] as const;
/** Name of a signal's column. */
export type SignalColumn = (typeof SIGNAL_COLUMNS)[number];

/** A thing that `images` shows, as the source annotated it. */
export interface ObjectAnnotation {
  /** Its name, in the words of the source. */
  readonly object: string;
  /** Left, top, width and height, each as a fraction of the image's width or height (0 to 1). */
  readonly box?: readonly [number, number, number, number];
  /** Words that are true of it, such as its colour. */
  readonly attributes?: readonly string[];
  /** It stands for several of its kind that were not told apart. */
  readonly crowd?: boolean;
}

/** Fields that no column holds, by name, as JSON has them. */
export type ExtraFields = Readonly<Record<string, unknown>>;

/**
 * A row of a pairs file: a contrast pair, or one whose rejected half is still to be made. The first half (`images`,
 * `prompt`, `chosen`) is always there. docs/pairs.md, "Columns", says what each column means.
 */
export interface PairRow extends Omit<ContrastPairText, "rejected"> {
  /** One or several: bytes of PNG, JPEG or WebP files. */
  readonly images: readonly Uint8Array[];
  /** As many; null where the contrast image is still to be made. */
  readonly rejectedImages: readonly Uint8Array[] | null;
  /** Null where the rejected text is still to be made. */
  readonly rejected: string | null;
  /** All texts that the source says are true of `images`; null when it has none beside `chosen`. */
  readonly captions: readonly string[] | null;
  /** What `images` shows, one entry a thing; null when the source has no annotations. */
  readonly annotations: readonly ObjectAnnotation[] | null;
  /** How each part came about: the name of the format it was imported from, or of the way it was made. */
  readonly imagesOrigin: string | null;
  readonly chosenOrigin: string | null;
  readonly rejectedImagesOrigin: string | null;
  readonly rejectedOrigin: string | null;
  /** File and place that the row was imported from. */
  readonly source: string | null;
  /** Further fields of the row that it was imported from; null where there were none. */
  readonly extra: ExtraFields | null;
  /** Cells of the user's own columns, where they were read. */
  readonly own?: Row;
  /** Signals that were measured, by column. */
  readonly signals: Readonly<Partial<Record<SignalColumn, number>>>;
}

/** A row that lacks nothing. */
export type CompletePairRow = PairRow & ContrastPair;

/** Whether nothing of the pair is still to be made. */
export function isComplete(row: PairRow): row is CompletePairRow {
  return row.rejectedImages !== null && row.rejected !== null;
}

const CONTRAST: readonly Column[] = [
  { name: "id", kind: "string", optional: true },
  { name: "images", kind: "images" },
  { name: "rejected_images", kind: "images", optional: true },
  { name: "prompt", kind: "string" },
  { name: "chosen", kind: "string" },
  { name: "rejected", kind: "string", optional: true },
  { name: "kind", kind: "string", optional: true },
  { name: "detail", kind: "string", optional: true },
  { name: "chosen_word", kind: "string", optional: true },
  { name: "rejected_word", kind: "string", optional: true },
  { name: "objects", kind: "strings", optional: true },
  { name: "rejected_objects", kind: "strings", optional: true },
  { name: "rejected_true", kind: "boolean", optional: true },
  { name: "rejected_true_by", kind: "string", optional: true },
];
const GRADE: readonly Column[] = [
  { name: "difficulty", kind: "double", optional: true },
  { name: "stage", kind: "int32", optional: true },
];

/** Every column of a pairs file, in the order of the file. */
export const PAIR_COLUMNS: readonly Column[] = [
  ...CONTRAST,
  { name: "captions", kind: "strings", optional: true },
  { name: "annotations", kind: "string", optional: true },
  { name: "images_origin", kind: "string", optional: true },
  { name: "chosen_origin", kind: "string", optional: true },
  { name: "rejected_images_origin", kind: "string", optional: true },
  { name: "rejected_origin", kind: "string", optional: true },
  { name: "source", kind: "string", optional: true },
  { name: "extra", kind: "string", optional: true },
  ...SIGNAL_COLUMNS.map((name) => ({ name, kind: "double" as const, optional: true })),
  ...GRADE,
];

/** The columns of a {@link ContrastPair}, which lacks nothing. */
export const CONTRAST_COLUMNS: readonly Column[] = [...CONTRAST, ...GRADE].map((column) =>
  ["rejected", "rejected_images"].includes(column.name) ? { ...column, optional: false } : column,
);
