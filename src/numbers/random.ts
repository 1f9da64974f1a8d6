import { createHash } from "node:crypto";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** A stream of random choices that depends on nothing but its key. */
export class Random {
  readonly #generator: RandomGenerator;

  /** @param key - Any text; equal keys give equal streams on every platform. */
  constructor(key: string) {
    const digest = createHash("sha256").update(key).digest();
    this.#generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
  }

  /** Samples an integer from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return uniformInt(this.#generator, from, to);
  }

  /** Says true with this probability (0 to 1). */
  chance(probability: number): boolean {
    return uniformFloat64(this.#generator) < probability;
  }

  /** Samples one item of a list that is not empty. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("cannot pick from an empty list");
    return items[this.integer(0, items.length - 1)] as T;
  }

  /** Samples the index of a weight, in proportion to the weights. */
  weighted(weights: readonly number[]): number {
    let left = uniformFloat64(this.#generator) * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) {
      left -= weight;
      if (left < 0) return index;
    }
    return weights.length - 1;
  }

  /** Samples `count` different items (all of them, shuffled, when left out). */
  sample<T>(items: readonly T[], count: number = items.length): T[] {
    if (count > items.length) throw new RangeError(`cannot sample ${count} different items from ${items.length}`);
    const pool = [...items];
    for (let index = 0; index < count; index++) {
      const other = this.integer(index, pool.length - 1);
      [pool[index], pool[other]] = [pool[other] as T, pool[index] as T];
    }
    return pool.slice(0, count);
  }
}
