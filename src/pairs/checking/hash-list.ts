import { createHash } from "node:crypto";

/** A list of 64-bit numbers that grows; eight bytes an entry. */
export class HashList {
  #values = new BigUint64Array(1024);
  #length = 0;

  /** Adds a number at the end. */
  push(value: bigint): void {
    if (this.#length === this.#values.length) {
      const larger = new BigUint64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  get length(): number {
    return this.#length;
  }

  /** The numbers, in the order in which they came. */
  values(): BigUint64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/** The first 64 bits of the SHA-256 of texts and bytes: equal for equal content, and practically never otherwise. */
export function contentDigest(...parts: readonly (string | Uint8Array)[]): bigint {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest().readBigUInt64LE(0);
}

/** Groups of entries that are equal, each in rising order, the group that begins first before the others. */
export function equalEntries(values: BigUint64Array): number[][] {
  const order = Uint32Array.from(values, (_, at) => at).sort((a, b) => {
    const [one, other] = [values[a] as bigint, values[b] as bigint];
    return one < other ? -1 : one > other ? 1 : a - b;
  });
  const groups: number[][] = [];
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end += 1;
    if (end - start > 1) groups.push([...order.subarray(start, end)]);
    start = end;
  }
  return groups.sort((a, b) => (a[0] as number) - (b[0] as number));
}
