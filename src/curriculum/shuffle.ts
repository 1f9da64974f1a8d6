import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/**
 * A shuffled copy (Fisher and Yates), the same for the same seed and path on every machine.
 *
 * @param items What to shuffle; left as it is.
 * @param seed The run's seed.
 * @param path Numbers that distinguish this shuffle from the run's others, such as stage and epoch.
 */
export function shuffled(items: Uint32Array, seed: number, ...path: number[]): Uint32Array {
  const random = generator(seed, path);
  const result = items.slice();
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = uniformInt(random, 0, last);
    const moved = result[last] as number;
    result[last] = result[other] as number;
    result[other] = moved;
  }
  return result;
}

/**
 * Samples uniformly without replacement, in time proportional to the sample; a sample larger than the items takes all
 * of them as often as it can and samples the rest.
 *
 * @param items What to sample from; at least one.
 * @param count How many to sample.
 * @param seed The run's seed.
 * @param path Numbers that distinguish this sample from the run's others.
 */
export function sampled(items: readonly number[], count: number, seed: number, ...path: number[]): number[] {
  const random = generator(seed, path);
  const result: number[] = [];
  while (result.length < count) {
    // Fisher and Yates from the front; only the places that changed are written down.
    const moved = new Map<number, number>();
    const round = Math.min(items.length, count - result.length);
    for (let place = 0; place < round; place += 1) {
      const other = uniformInt(random, place, items.length - 1);
      result.push(items[moved.get(other) ?? other] as number);
      moved.set(other, moved.get(place) ?? place);
    }
  }
  return result;
}

function generator(seed: number, path: readonly number[]): RandomGenerator {
  return xoroshiro128plus(mixed(seed, path));
}

/** Folds seed and path into 32 bits; neighbouring seeds must not give neighbouring states. */
function mixed(seed: number, path: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const value of [seed % 0x100000000, Math.floor(seed / 0x100000000), ...path]) {
    state = Math.imul(state ^ value, 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return state | 0;
}
