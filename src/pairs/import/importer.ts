import type { PairRow } from "../pair-row.js";

/** Where something stands in a source. */
export interface SourcePlace {
  /** Path of the file. */
  readonly file: string;
  /** What `number` counts: lines and elements from 1, rows of a Parquet file from 0, images by their own id. */
  readonly unit: "line" | "element" | "row" | "image";
  readonly number: number;
}

/** A row of a source, as it stands there. */
export interface SourceRow {
  readonly place: SourcePlace;
  readonly value: unknown;
}

/** Something of a row that cannot be imported; it costs the pair, never the import. */
export class RowFault extends Error {
  override readonly name = "RowFault";
  /** Field at fault, with its path: `completions[2].response`. */
  readonly field: string;
  /** What was found there and what was expected. */
  readonly reason: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.field = field;
    this.reason = reason;
  }
}

/** An image, or a list of them, as a source gives it: bytes, a struct of bytes and path, a path or a data URI. */
export interface ImageCell {
  readonly field: string;
  readonly value: unknown;
}

/** What an importer made of a row, before its images are fetched and its texts are looked at. */
export interface PairDraft extends Partial<Omit<PairRow, "images" | "rejectedImages" | "prompt" | "chosen">> {
  readonly images: ImageCell;
  /** Left out: the contrast image is still to be made. */
  readonly rejectedImages?: ImageCell | null;
  readonly prompt: string;
  readonly chosen: string;
  /** Fields of the row that have no place in the pair. */
  readonly leftOut?: readonly string[];
}

/** A pair that a source holds, or what is wrong with it. */
export interface SourcePair {
  readonly place: SourcePlace;
  readonly found: PairDraft | RowFault;
}

/** What a user asks of an import beside the format and the source. */
export interface ImportSettings {
  /** Folders that images may lie in; relative paths are looked up in them in turn. */
  readonly imageFolders: readonly string[];
  /** Question for sources that have captions and no question. */
  readonly prompt: string;
  /** Name of the set, for sources that hold several. */
  readonly dataset?: string | undefined;
  /** Leave system messages out instead of refusing their rows. */
  readonly dropSystem: boolean;
  /** Fields that are left out of the rows. */
  readonly ignore: readonly string[];
  /** What the format calls fields that the rows have under other names: its name by theirs. */
  readonly map?: Readonly<Record<string, string>>;
  /** Which files of a folder are read, by the split in their names; `all` of them. */
  readonly split?: string | undefined;
}

/** A format that pairs are imported from. */
export interface Importer {
  readonly name: string;
  /** What it is, in a few words. */
  readonly about: string;
  /** Where its publisher describes it. */
  readonly documentation: string;
  /**
   * Reads the pairs of a source in order.
   * @param source - File or folder.
   * @param settings - What the user asks for.
   * @throws UserError when the source as a whole cannot be read.
   */
  read(source: string, settings: ImportSettings): AsyncIterable<SourcePair>;
}
