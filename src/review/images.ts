import type { DuckDBConnection } from "@duckdb/node-api";
import { parquetSource } from "../pairs/duckdb.js";
import { type OpenedParquet, openParquet, parquetSlice } from "../pairs/parquet-rows.js";
import { type PairTable, IMAGES } from "./pair-table.js";

/** Images that are kept, in bytes; more when one pair has more. */
const KEPT_BYTES = 96 * 2 ** 20;

/** The images of both sides of a pair; a side that is missing has none. */
export interface PairImages {
  readonly images: readonly Uint8Array[];
  readonly rejectedImages: readonly Uint8Array[];
}

/** Rows between two wanted ones that are read along rather than begin again. */
const GAP = 4;

/** Reads images from the file: those that are asked for at the same time together, the last ones from memory. */
export class Images {
  readonly #connection: DuckDBConnection;
  readonly #path: string;
  readonly #columns: string;
  /** The file, where it has an index of the images' pages; null: DuckDB reads it, which takes whole row groups. */
  readonly #indexed: OpenedParquet | null;
  readonly #names: readonly string[];
  readonly #kept = new Map<number, PairImages>();
  #bytes = 0;
  readonly #waiting = new Map<number, Promise<PairImages>>();
  #batch: Promise<Map<number, PairImages>> | null = null;
  #reading: Promise<unknown> = Promise.resolve();
  #rows: number[] = [];

  private constructor(connection: DuckDBConnection, table: PairTable, indexed: OpenedParquet | null) {
    this.#connection = connection;
    this.#path = table.path;
    this.#indexed = indexed;
    this.#names = COLUMNS.filter((name) => IMAGES.test(table.columns.get(name) ?? ""));
    this.#columns = COLUMNS.map((name) => {
      const type = table.columns.get(name) ?? "";
      return IMAGES.test(type) ? name : "null";
    }).join(", ");
  }

  /** @param connection - For files without an index of their pages; nobody else uses it. */
  static async open(connection: DuckDBConnection, table: PairTable): Promise<Images> {
    // What only DuckDB can read has no index here.
    const opened = await openParquet(table.path).catch(() => null);
    return new Images(connection, table, opened !== null && isIndexed(opened) ? opened : null);
  }

  /** Images of a row. */
  of(row: number): Promise<PairImages> {
    const kept = this.#kept.get(row);
    if (kept !== undefined) {
      this.#kept.delete(row);
      this.#kept.set(row, kept);
      return Promise.resolve(kept);
    }
    let waiting = this.#waiting.get(row);
    if (waiting === undefined) {
      this.#rows.push(row);
      this.#batch ??= this.#next();
      waiting = this.#batch.then((batch) => batch.get(row) ?? { images: [], rejectedImages: [] });
      this.#waiting.set(row, waiting);
      const done = (): void => void this.#waiting.delete(row);
      waiting.then(done, done);
    }
    return waiting;
  }

  /**
   * Reads the images of a page together before they are asked for: a browser asks for few at a time.
   *
   * @param rows - Rows of the page.
   */
  expect(rows: readonly number[]): void {
    // Who asks for an image hears of the fault.
    for (const row of rows) this.of(row).catch(() => undefined);
  }

  /** Resolves when nothing is being read. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting.values());
  }

  /** Reads what is asked for until the connection is free. */
  async #next(): Promise<Map<number, PairImages>> {
    await this.#reading.catch(() => undefined);
    await new Promise(setImmediate);
    const rows = this.#rows;
    this.#rows = [];
    this.#batch = null;
    const reading = this.#read(rows);
    this.#reading = reading;
    return reading;
  }

  async #read(rows: readonly number[]): Promise<Map<number, PairImages>> {
    const found = new Map<number, PairImages>();
    const add = (row: number, images: readonly Uint8Array[], rejectedImages: readonly Uint8Array[]): void => {
      found.set(row, { images, rejectedImages });
      this.#keep(row, { images, rejectedImages });
    };
    if (this.#indexed !== null) {
      const wanted = new Set(rows);
      for (const [start, end] of runsOf(rows)) {
        const slice = await parquetSlice(this.#indexed, this.#names, start, end);
        for (const [at, cells] of slice.entries()) {
          if (wanted.has(start + at)) add(start + at, imagesOf(cells["images"]), imagesOf(cells["rejected_images"]));
        }
      }
      return found;
    }
    const read = await this.#connection.runAndReadAll(
      `select file_row_number, ${this.#columns} from ${parquetSource(this.#path)}
      where file_row_number in (${rows.join(", ")})`,
    );
    for (const [row, images, rejectedImages] of read.getRows()) {
      add(Number(row), imagesOf(images), imagesOf(rejectedImages));
    }
    return found;
  }

  #keep(row: number, images: PairImages): void {
    this.#kept.set(row, images);
    this.#bytes += sizeOf(images);
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES || oldest === row) break;
      this.#kept.delete(oldest);
      this.#bytes -= sizeOf(old);
    }
  }
}

const COLUMNS = ["images", "rejected_images"] as const;
const READABLE = ["UNCOMPRESSED", "SNAPPY", "GZIP"];

/** Whether the pages of all images can be found and read one by one. */
function isIndexed({ metadata }: OpenedParquet): boolean {
  const chunks = metadata.row_groups.flatMap(({ columns }) =>
    columns.filter(({ meta_data: chunk }) => (COLUMNS as readonly unknown[]).includes(chunk?.path_in_schema[0])),
  );
  // A column that has but one page has no index, and needs none.
  const isSmall = (bytes: bigint | undefined): boolean => bytes !== undefined && bytes < 2 ** 21;
  return chunks.every(
    ({ offset_index_offset: index, meta_data: chunk }) =>
      READABLE.includes(chunk?.codec ?? "") && (index !== undefined || isSmall(chunk?.total_compressed_size)),
  );
}

/** Rows as stretches, first and behind the last. */
function runsOf(rows: readonly number[]): [start: number, end: number][] {
  const runs: [start: number, end: number][] = [];
  for (const row of [...rows].sort((one, other) => one - other)) {
    const last = runs.at(-1);
    if (last !== undefined && row - last[1] <= GAP) last[1] = row + 1;
    else runs.push([row, row + 1]);
  }
  return runs;
}

/** The images of a list, each as bytes or as a struct with bytes. */
function imagesOf(cell: unknown): Uint8Array[] {
  const list = Array.isArray(cell) ? cell : (cell as { items?: unknown } | null | undefined)?.items;
  if (!Array.isArray(list)) return [];
  // What cannot be read keeps its place, and is told as an image that is empty.
  return (list as unknown[]).map((item) => bytesOf(item) ?? new Uint8Array());
}

function sizeOf({ images, rejectedImages }: PairImages): number {
  return [...images, ...rejectedImages].reduce((sum, { length }) => sum + length, 0);
}

/** A copy, since the answer's memory is DuckDB's: it keeps a page's images alone. */
function bytesOf(item: unknown): Uint8Array | null {
  if (item instanceof Uint8Array) return new Uint8Array(item);
  if (item === null || typeof item !== "object") return null;
  const inner = "bytes" in item ? item.bytes : (item as { entries?: { bytes?: unknown } }).entries?.bytes;
  return inner === undefined ? null : bytesOf(inner);
}
