/** What a curriculum knows of one pair. */
export interface CurriculumPair {
  /** Row of the pair in its data set. */
  readonly pair: number;
  /** 0 easy to 1 hard; null when the pair has not been scored. */
  readonly difficulty: number | null;
  /** Stage from the data set's `stage` column; null when the column is missing. */
  readonly stage: number | null;
}

/** The orders of a staged curriculum; the last two are the controls of every comparison. */
export const curriculumOrders = ["easy-to-hard", "hard-to-easy", "shuffled"] as const;

export type CurriculumOrder = (typeof curriculumOrders)[number];

export interface CurriculumOptions {
  readonly order: CurriculumOrder;
  /**
   * Number of stages. The pairs' own `stage` column is taken when it has this many stages, or when this is left out;
   * otherwise the pairs are cut by difficulty, and 1 puts all pairs into one stage.
   */
  readonly stages?: number;
  /** How often every pair of a stage is used in it. */
  readonly epochs: number;
  /** Pairs per optimiser step: batch size times gradient accumulation steps. */
  readonly effectiveBatch: number;
  readonly seed: number;
}

/** One stage of a curriculum, in feeding order. */
export interface CurriculumStage {
  readonly name: string;
  /** Rows in feeding order; the length is a multiple of the effective batch. */
  readonly pairs: number[];
  /** How many of the last rows only fill up the last batch, repeating the stage from its front. */
  readonly padding: number;
}

/** Decides which pairs come in which stage and in which order: a pure function of its arguments. */
export type Curriculum = (pairs: readonly CurriculumPair[], options: CurriculumOptions) => CurriculumStage[];
