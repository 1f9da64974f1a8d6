import type { TextPiece } from "../pairs/checking/word-difference.js";

/** What a reviewer decides about a pair; `undecided` takes an earlier decision back. */
export const VERDICTS = ["accept", "reject", "stage", "undecided"] as const;
/** What a reviewer decides about a pair. */
export type Verdict = (typeof VERDICTS)[number];

/** Which pairs are shown; an empty list restricts nothing, null stands for pairs without a value. */
export interface Filter {
  /** Part of the id, of the prompt or of a text, in any case. */
  readonly text: string;
  readonly kinds: readonly (string | null)[];
  readonly stages: readonly (number | null)[];
  readonly verdicts: readonly Verdict[];
  /** Whether the rejected text is true of its image; null: nobody has said. */
  readonly truths: readonly (boolean | null)[];
  /** Pairs whose number lies between the two, both included; a pair without the number is left out. */
  readonly ranges: readonly { readonly column: string; readonly low: number | null; readonly high: number | null }[];
  /** Only pairs whose text or image is still to be made. */
  readonly incomplete: boolean;
}

/** The order in which pairs are shown. */
export interface Sort {
  /** A number's column; null: as in the file. */
  readonly column: string | null;
  readonly descending: boolean;
}

/** How many pairs have a value; null: none. */
export interface Count<Value> {
  readonly value: Value | null;
  readonly count: number;
}

/** A column of numbers, as it is in the whole file. */
export interface NumberColumn {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Pairs that have a finite value. */
  readonly count: number;
}

/** What the page knows of the file before anything is asked. */
export interface FileFacts {
  readonly path: string;
  readonly decisionsPath: string;
  readonly rows: number;
  readonly kinds: readonly Count<string>[];
  readonly stages: readonly Count<number>[];
  /** Pairs by whether the rejected text is true of its image. */
  readonly truths: readonly Count<boolean>[];
  readonly numbers: readonly NumberColumn[];
  readonly verdicts: Readonly<Record<Exclude<Verdict, "undecided">, number>>;
  /** What the file lacks, in sentences. */
  readonly lacks: readonly string[];
}

/** What was decided about a pair. */
export interface CardDecision {
  readonly verdict: Exclude<Verdict, "undecided">;
  readonly stage: number | null;
  readonly at: string;
  /** The pair's texts or images are no longer those that were decided about. */
  readonly stale: boolean;
}

/** A pair as the gallery shows it. */
export interface Card {
  readonly row: number;
  readonly id: string;
  readonly prompt: string;
  readonly chosen: readonly TextPiece[];
  /** Null: still to be made. */
  readonly rejected: readonly TextPiece[] | null;
  /** Images of a side, to be asked for one by one; at least one, which may be missing. */
  readonly images: number;
  readonly kind: string | null;
  readonly detail: string | null;
  /** Whether the rejected text is true of its image, and who says so. */
  readonly rejectedTrue: boolean | null;
  readonly rejectedTrueBy: string | null;
  readonly stage: number | null;
  readonly difficulty: number | null;
  /** Stages that it can be given. */
  readonly stagesToGive: readonly number[];
  readonly decision: CardDecision | null;
}

/** Pairs that fit a filter, in order; the key names them in later questions. */
export interface Selection {
  readonly key: string;
  readonly count: number;
}

/** Everything about a pair. */
export interface PairRecord {
  readonly card: Card;
  /** Columns that hold something and are no images, in the order of the file. */
  readonly columns: readonly { readonly name: string; readonly value: unknown }[];
}

/** How the numbers of one column are spread. */
export interface Histogram {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Pairs shown, by bin of equal width. */
  readonly bins: readonly number[];
  /** Pairs of the whole file, by bin. */
  readonly all: readonly number[];
  /** Pairs shown that have no value. */
  readonly missing: number;
}

/** How the pairs shown are distributed. */
export interface Figures {
  readonly count: number;
  /** Pairs by kind and stage. */
  readonly cells: readonly { readonly kind: string | null; readonly stage: number | null; readonly count: number }[];
  readonly histograms: readonly Histogram[];
}

/** How two columns of numbers hang together over the pairs shown that have both. */
export interface Relation {
  readonly x: NumberColumn;
  readonly y: NumberColumn;
  /** Bins along each axis. */
  readonly bins: number;
  /** Bins that hold pairs: number along x, along y, pairs. */
  readonly cells: readonly (readonly [number, number, number])[];
  readonly pairs: number;
  /** Spearman's rank correlation; null: undefined. */
  readonly correlation: number | null;
}

/** Spearman's rank correlation of each two columns over the pairs shown that have both. */
export interface Correlations {
  readonly names: readonly string[];
  readonly values: readonly (readonly (number | null)[])[];
}

/** A decision that the page sends. */
export interface DecisionRequest {
  readonly row: number;
  readonly verdict: Verdict;
  readonly stage: number | null;
}
