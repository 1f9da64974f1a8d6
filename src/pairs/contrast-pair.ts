/**
 * Who says whether a text is true of an image: annotations of the image, a model, a person, or how the image was made.
 */
export const TRUTH_SOURCES = ["annotation", "model", "person", "construction"] as const;
/** One of {@link TRUTH_SOURCES}. */
export type TruthSource = (typeof TRUTH_SOURCES)[number];

/** The part of a contrast quadruple that is text. */
export interface ContrastPairText {
  readonly id: string;
  readonly prompt: string;
  /** True of `images`. */
  readonly chosen: string;
  /** False of `images`; `rejectedTrue` says whether it is true of `rejectedImages`. */
  readonly rejected: string;
  /** What kind of fact differs; null when the file does not say. */
  readonly kind: string | null;
  /** The kind in more detail; null when the file does not say. */
  readonly detail: string | null;
  /** The word of `chosen` that `rejected` lacks, if one word tells them apart. */
  readonly chosenWord: string | null;
  /** The word of `rejected` that `chosen` lacks, if one word tells them apart. */
  readonly rejectedWord: string | null;
  /** What `images` shows; null when the file does not say. */
  readonly objects: readonly string[] | null;
  /** What `rejectedImages` shows; null when the file does not say. */
  readonly rejectedObjects: readonly string[] | null;
  /** Whether `rejected` is true of `rejectedImages`; null when nobody has said. */
  readonly rejectedTrue: boolean | null;
  /** Who says so; null where nobody does. */
  readonly rejectedTrueBy: TruthSource | null;
  /** 0 (easy) to 1 (hard); null before it is measured. */
  readonly difficulty: number | null;
  /** A whole number, 0 is trained first; null before it is assigned. */
  readonly stage: number | null;
}

/** A contrast quadruple: two images and two texts that differ in one fact. */
export interface ContrastPair extends ContrastPairText {
  /** One or several: bytes of PNG, JPEG or WebP files. */
  readonly images: readonly Uint8Array[];
  /** As many. */
  readonly rejectedImages: readonly Uint8Array[];
}
