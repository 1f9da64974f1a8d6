import type { CurriculumOrder } from "./curriculum.js";
import { shuffled } from "./shuffle.js";

/** Distinguishes the shuffle over all pairs from the shuffles inside a stage, whose path starts with the stage. */
const ALL_PAIRS = 0xffffffff;

/**
 * Puts levels of difficulty into the order of training.
 *
 * @param levels - Rows by level, easy first, rising within a level.
 * @param order - `shuffled` keeps the levels' number and sizes and draws each from all rows.
 * @param seed - Of that draw.
 * @returns Rows by stage, rising within a stage.
 */
export function arranged(levels: readonly Uint32Array[], order: CurriculumOrder, seed: number): Uint32Array[] {
  switch (order) {
    case "easy-to-hard":
      return [...levels];
    case "hard-to-easy":
      return [...levels].reverse();
    case "shuffled": {
      const drawn = shuffled(joined(levels).sort(), seed, ALL_PAIRS);
      let start = 0;
      return levels.map(({ length }) => drawn.slice(start, (start += length)).sort());
    }
  }
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((length, part) => length + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}
