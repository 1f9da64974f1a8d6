import type { PairRow } from "../pair-row.js";
import type { Column } from "../table.js";

/** Columns of the pairs file that is exported. */
interface ExportedColumns {
  /** Those of a pairs file that at least one pair has. */
  readonly present: ReadonlySet<string>;
  /** The user's own. */
  readonly own: readonly Column[];
}

/** A format that pairs are exported to. */
export interface Exporter {
  readonly name: string;
  /** What it writes, in a few words. */
  readonly about: string;
  /** Where its publisher describes it. */
  readonly documentation: string;
  /** Whether `--out` is a folder; a file otherwise. */
  readonly folder: boolean;
  /** Whether a pair without rejected text is a row of the format. */
  readonly incomplete: boolean;
  /**
   * Writes pairs; the file that holds the rows appears only when it is complete.
   * @param rows - Pairs in order.
   * @param out - File or folder to write.
   * @param columns - Which there are.
   */
  write(rows: AsyncIterable<PairRow>, out: string, columns: ExportedColumns): Promise<void>;
}
