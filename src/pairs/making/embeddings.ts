import { UserError } from "../../errors.js";
import { openParquet, parquetRows } from "../parquet-rows.js";

/** Column with an image's vector, of any model; a list of numbers, as long in every row. */
const IMAGE_COLUMN = "image_embedding";
/** Column with the vector of a rejected text in the same space, as CLIP and SigLIP give it. */
const TEXT_COLUMN = "rejected_embedding";

/** Vectors of a set's images, and of its rejected texts where the file has them. */
export class Embeddings {
  readonly #images = new VectorTable();
  readonly #texts = new VectorTable();

  /**
   * Reads the vectors of a Parquet file.
   *
   * @param path - Holds the columns `id` and `image_embedding`, and perhaps `rejected_embedding`.
   * @throws UserError when a column is missing or a vector is no list of numbers or of another length.
   */
  static async read(path: string): Promise<Embeddings> {
    const opened = await openParquet(path);
    for (const column of ["id", IMAGE_COLUMN]) {
      if (opened.columns.includes(column)) continue;
      throw new UserError(
        `${path}: column "${column}" is missing; found ${opened.columns.join(", ")}: add it, see docs/pairs.md, "Embeddings"`,
      );
    }
    const hasTexts = opened.columns.includes(TEXT_COLUMN);
    const embeddings = new Embeddings();
    let row = 0;
    const columns = ["id", IMAGE_COLUMN, ...(hasTexts ? [TEXT_COLUMN] : [])];
    for await (const cells of parquetRows(opened, columns)) {
      const id = cells["id"];
      const key = id instanceof Uint8Array ? Buffer.from(id).toString() : String(id);
      const fail = (column: string, fault: string): never => {
        throw new UserError(`${path}, row ${row}, column "${column}": ${fault}: mend the row`);
      };
      embeddings.#images.add(key, cells[IMAGE_COLUMN], (fault) => fail(IMAGE_COLUMN, fault));
      const text = cells[TEXT_COLUMN];
      if (text !== null && text !== undefined) embeddings.#texts.add(key, text, (fault) => fail(TEXT_COLUMN, fault));
      row += 1;
    }
    return embeddings;
  }

  /** Cosine of the images of two rows; undefined where one has no vector. */
  imageSimilarity(id: string, other: string): number | undefined {
    return this.#images.cosine(id, this.#images, other);
  }

  /** Cosine of a row's rejected text and a row's image; undefined where one has no vector. */
  textSimilarity(id: string, other: string): number | undefined {
    return this.#texts.cosine(id, this.#images, other);
  }
}

/** Rows of a block of memory. */
const BLOCK = 4096;

/** Unit vectors as bytes with a scale each, in blocks: a quarter of the memory of single precision. */
class VectorTable {
  readonly #rows = new Map<string, number>();
  readonly #blocks: Int8Array[] = [];
  readonly #scales: number[] = [];
  #length = 0;

  add(id: string, value: unknown, fail: (fault: string) => never): void {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) fail("is no list of numbers");
    const vector = Float64Array.from(value as ArrayLike<number>, Number);
    if (this.#length === 0) this.#length = vector.length;
    if (vector.length !== this.#length || vector.length === 0) {
      fail(`has ${vector.length} numbers, expected ${this.#length || "some"}`);
    }
    let square = 0;
    let most = 0;
    for (const number of vector) {
      if (!Number.isFinite(number)) fail("holds something that is no number");
      square += number * number;
      most = Math.max(most, Math.abs(number));
    }
    if (square === 0) fail("is all zeros");
    const row = this.#scales.length;
    if (row % BLOCK === 0) this.#blocks.push(new Int8Array(BLOCK * this.#length));
    const block = this.#blocks.at(-1) as Int8Array;
    const start = (row % BLOCK) * this.#length;
    let rounded = 0;
    for (let at = 0; at < this.#length; at++) {
      const byte = Math.round(((vector[at] as number) / most) * 127);
      block[start + at] = byte;
      rounded += byte * byte;
    }
    // Of the rounded vector, so that a vector's cosine with itself is 1.
    this.#scales.push(1 / Math.sqrt(rounded));
    this.#rows.set(id, row);
  }

  cosine(id: string, table: VectorTable, other: string): number | undefined {
    const one = this.#rows.get(id);
    const two = table.#rows.get(other);
    if (one === undefined || two === undefined || this.#length !== table.#length) return undefined;
    const [first, second] = [this.#blocks[Math.floor(one / BLOCK)], table.#blocks[Math.floor(two / BLOCK)]];
    const [from, to] = [(one % BLOCK) * this.#length, (two % BLOCK) * this.#length];
    let sum = 0;
    for (let at = 0; at < this.#length; at++) {
      sum += ((first as Int8Array)[from + at] as number) * ((second as Int8Array)[to + at] as number);
    }
    return sum * (this.#scales[one] as number) * (table.#scales[two] as number);
  }
}
