import type { DuckDBConnection } from "@duckdb/node-api";
import { parquetSource } from "../pairs/duckdb.js";
import { type PairTable, PICTURES } from "./pair-table.js";

/** Pictures that are kept, in bytes; more when one pair has more. */
const KEPT_BYTES = 96 * 2 ** 20;

/** Both pictures of a pair; a part that is missing is null. */
export interface PairPictures {
  readonly images: Uint8Array | null;
  readonly rejectedImages: Uint8Array | null;
}

/** Reads pictures from the file: those that are asked for at the same time together, the last ones from memory. */
export class Pictures {
  readonly #connection: DuckDBConnection;
  readonly #path: string;
  readonly #columns: string;
  readonly #kept = new Map<number, PairPictures>();
  #bytes = 0;
  readonly #waiting = new Map<number, Promise<PairPictures>>();
  #batch: Promise<Map<number, PairPictures>> | null = null;
  #reading: Promise<unknown> = Promise.resolve();
  #rows: number[] = [];

  constructor(connection: DuckDBConnection, table: PairTable) {
    this.#connection = connection;
    this.#path = table.path;
    this.#columns = ["images", "rejected_images"]
      .map((name) => {
        const type = table.columns.get(name) ?? "";
        // A list that does not hold one picture is told by its length.
        if (!PICTURES.test(type)) return "null";
        return `case when len(${name}) = 1 then ${name}[1]${type.startsWith("STRUCT") ? ".bytes" : ""} end`;
      })
      .join(", ");
  }

  /** Pictures of a row. */
  of(row: number): Promise<PairPictures> {
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
      waiting = this.#batch.then((batch) => batch.get(row) ?? { images: null, rejectedImages: null });
      this.#waiting.set(row, waiting);
      const done = (): void => void this.#waiting.delete(row);
      waiting.then(done, done);
    }
    return waiting;
  }

  /**
   * Reads the pictures of a page together before they are asked for: a browser asks for few at a time.
   *
   * @param rows - Rows of the page.
   */
  expect(rows: readonly number[]): void {
    // Who asks for a picture hears of the fault.
    for (const row of rows) this.of(row).catch(() => undefined);
  }

  /** Resolves when nothing is being read. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting.values());
  }

  /** Reads what is asked for until the connection is free. */
  async #next(): Promise<Map<number, PairPictures>> {
    await this.#reading.catch(() => undefined);
    await new Promise(setImmediate);
    const rows = this.#rows;
    this.#rows = [];
    this.#batch = null;
    const reading = this.#read(rows);
    this.#reading = reading;
    return reading;
  }

  async #read(rows: readonly number[]): Promise<Map<number, PairPictures>> {
    const read = await this.#connection.runAndReadAll(
      `select file_row_number, ${this.#columns} from ${parquetSource(this.#path)}
      where file_row_number in (${rows.join(", ")})`,
    );
    const found = new Map<number, PairPictures>();
    for (const [row, images, rejectedImages] of read.getRows()) {
      const pictures = { images: bytesOf(images), rejectedImages: bytesOf(rejectedImages) };
      found.set(Number(row), pictures);
      this.#keep(Number(row), pictures);
    }
    return found;
  }

  #keep(row: number, pictures: PairPictures): void {
    this.#kept.set(row, pictures);
    this.#bytes += sizeOf(pictures);
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES || oldest === row) break;
      this.#kept.delete(oldest);
      this.#bytes -= sizeOf(old);
    }
  }
}

function sizeOf({ images, rejectedImages }: PairPictures): number {
  return (images?.length ?? 0) + (rejectedImages?.length ?? 0);
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value === null || typeof value !== "object" || !("bytes" in value)) return null;
  const { bytes } = value;
  // The answer's memory is DuckDB's; a copy keeps a page's pictures alone.
  return bytes instanceof Uint8Array ? new Uint8Array(bytes) : null;
}
