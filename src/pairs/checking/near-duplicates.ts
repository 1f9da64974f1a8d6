/** Two entries whose hashes differ in few bits. */
export interface NearDuplicate {
  readonly first: number;
  readonly second: number;
  /** Bits that differ. */
  readonly distance: number;
}

/** A part of more than this many equal values says nothing: plain images share it. */
const largestBucket = 200;

/**
 * Finds entries whose 64-bit hashes are near each other. Hashes that differ in at most `distance` bits agree in one of
 * `distance + 1` equal parts at least, so that only entries which share a part are compared.
 *
 * @param hashes - One an entry, 0 to 2^64 - 1.
 * @param options.distance - Bits that may differ, 0 to 7.
 * @param options.from - Looks for pairs whose second entry is at least this one (default 0: all), so that a set can be
 *   compared with one that stands before it.
 * @param options.limit - Stops after so many.
 * @returns Each pair once, first below second; and whether a part was too common to be looked through.
 */
export function nearDuplicates(
  hashes: BigUint64Array,
  options: { distance: number; from?: number; limit?: number },
): { found: NearDuplicate[]; complete: boolean } {
  const { distance, from = 0, limit = Infinity } = options;
  // Two at least, so that a part fits into 32 bits.
  const parts = Math.max(distance, 1) + 1;
  const found: NearDuplicate[] = [];
  let complete = true;
  const low = Uint32Array.from(hashes, (hash) => Number(hash & 0xffffffffn));
  const high = Uint32Array.from(hashes, (hash) => Number(hash >> 32n));
  for (let part = 0; part < parts; part += 1) {
    const order = orderByPart(low, high, part, parts);
    for (let start = 0; start < order.entries.length;) {
      let end = start + 1;
      while (end < order.entries.length && order.keys[end] === order.keys[start]) end += 1;
      if (end - start > largestBucket) complete = false;
      else if (!compare(order.entries.subarray(start, end), part)) return { found, complete: false };
      start = end;
    }
  }
  return { found, complete };

  /** False when the limit is reached. */
  function compare(bucket: Uint32Array, part: number): boolean {
    for (let i = 0; i < bucket.length; i += 1) {
      for (let j = i + 1; j < bucket.length; j += 1) {
        const [a, b] = [bucket[i] as number, bucket[j] as number];
        const [first, second] = a < b ? [a, b] : [b, a];
        if (second < from) continue;
        const bits =
          bitsOf((low[a] as number) ^ (low[b] as number)) + bitsOf((high[a] as number) ^ (high[b] as number));
        if (bits > distance || sharesEarlierPart(a, b, part)) continue;
        found.push({ first, second, distance: bits });
        if (found.length >= limit) return false;
      }
    }
    return true;
  }

  /** Whether the pair was met in an earlier part. */
  function sharesEarlierPart(a: number, b: number, part: number): boolean {
    for (let earlier = 0; earlier < part; earlier += 1) {
      if (partOf(low, high, a, earlier, parts) === partOf(low, high, b, earlier, parts)) return true;
    }
    return false;
  }
}

/** Bits `64 * part / parts` to `64 * (part + 1) / parts` of a hash, the lowest first. */
function partOf(low: Uint32Array, high: Uint32Array, at: number, part: number, parts: number): number {
  const start = Math.floor((64 * part) / parts);
  const bits = Math.floor((64 * (part + 1)) / parts) - start;
  const [l, h] = [low[at] as number, high[at] as number];
  const shifted = start >= 32 ? h >>> (start - 32) : start === 0 ? l : ((l >>> start) | (h << (32 - start))) >>> 0;
  return bits === 32 ? shifted >>> 0 : (shifted & (2 ** bits - 1)) >>> 0;
}

function orderByPart(
  low: Uint32Array,
  high: Uint32Array,
  part: number,
  parts: number,
): { entries: Uint32Array; keys: Float64Array } {
  const all = Float64Array.from(low, (_, at) => partOf(low, high, at, part, parts));
  const entries = Uint32Array.from(low, (_, at) => at).sort((a, b) => (all[a] as number) - (all[b] as number) || a - b);
  return { entries, keys: Float64Array.from(entries, (entry) => all[entry] as number) };
}

function bitsOf(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
