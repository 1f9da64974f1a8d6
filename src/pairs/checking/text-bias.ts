import type { Interval } from "../../numbers/statistics.js";
import { tellingWords } from "./changed-facts.js";
import { changedSpans, wordsOf } from "./word-difference.js";

/** What of a file's texts would tell chosen from rejected without looking at an image. */
export interface TextBias {
  /** Pairs that were looked at. */
  readonly pairs: number;
  /** Mean number of words that chosen is longer than rejected, and its 95 % interval; null below two pairs. */
  readonly extraWords: number | null;
  readonly extraWordsInterval: Interval | null;
  /** Share of pairs whose chosen is longer, of those of different length; one half is no bias. */
  readonly chosenLonger: number | null;
  readonly chosenLongerInterval: Interval | null;
  /** Pairs whose prompt names what tells both texts apart, as a question between two answers does. */
  readonly namedInPrompt: number;
  /** Share of those whose prompt names chosen's first; one half is no bias. */
  readonly chosenNamedFirst: number | null;
  readonly chosenNamedFirstInterval: Interval | null;
  /** Pairs whose chosen has six words or more: in a shorter text a third is a word. */
  readonly long: number;
  /** Share of those that first differ in the first, second and last third of chosen. */
  readonly differenceAt: readonly [number, number, number];
}

/** Fewest words of a text whose thirds are compared. */
const LONG = 6;

/** Gathers the bias of one pair after the other; holds no text. */
export class TextBiasTally {
  #pairs = 0;
  #sum = 0;
  #squares = 0;
  #longer = 0;
  #unequal = 0;
  #named = 0;
  #namedFirst = 0;
  readonly #thirds: [number, number, number] = [0, 0, 0];

  /** Adds a pair. */
  add({ prompt, chosen, rejected }: { prompt: string; chosen: string; rejected: string }): void {
    const words = wordsOf(chosen).length;
    const extra = words - wordsOf(rejected).length;
    this.#pairs += 1;
    this.#sum += extra;
    this.#squares += extra * extra;
    if (extra !== 0) this.#unequal += 1;
    if (extra > 0) this.#longer += 1;
    const first = namesChosenFirst(prompt, chosen, rejected);
    if (first !== null) this.#named += 1;
    if (first === true) this.#namedFirst += 1;
    this.#place(chosen, rejected, words);
  }

  #place(chosen: string, rejected: string, words: number): void {
    const first = words < LONG ? undefined : changedSpans(chosen, rejected)[0];
    if (first === undefined) return;
    const third = Math.min(2, Math.floor((3 * first.at) / Math.max(words, 1))) as 0 | 1 | 2;
    this.#thirds[third] += 1;
  }

  /** The figures; intervals are normal for the mean and Wilson's for the share. */
  result(): TextBias {
    const n = this.#pairs;
    const mean = n === 0 ? null : this.#sum / n;
    const placed = this.#thirds.reduce((sum, count) => sum + count, 0);
    const shares = this.#thirds.map((count) => (placed === 0 ? 0 : count / placed)) as [number, number, number];
    return {
      pairs: n,
      extraWords: mean,
      extraWordsInterval: mean === null || n < 2 ? null : this.#meanInterval(mean),
      chosenLonger: this.#unequal === 0 ? null : this.#longer / this.#unequal,
      chosenLongerInterval: wilsonInterval(this.#longer, this.#unequal),
      namedInPrompt: this.#named,
      chosenNamedFirst: this.#named === 0 ? null : this.#namedFirst / this.#named,
      chosenNamedFirstInterval: wilsonInterval(this.#namedFirst, this.#named),
      long: placed,
      differenceAt: shares,
    };
  }

  #meanInterval(mean: number): Interval {
    const n = this.#pairs;
    const variance = Math.max(0, (this.#squares - n * mean * mean) / (n - 1));
    const half = 1.959964 * Math.sqrt(variance / n);
    return [mean - half, mean + half];
  }
}

/** Whether a prompt names what only chosen says before what only rejected says; null where it does not name both. */
function namesChosenFirst(prompt: string, chosen: string, rejected: string): boolean | null {
  const words = wordsOf(prompt);
  const telling = tellingWords(chosen, rejected);
  const [one, other] = [telling.chosen, telling.rejected].map((side) =>
    words.findIndex((found) => side.includes(found)),
  );
  return one === undefined || other === undefined || one < 0 || other < 0 ? null : one < other;
}

/**
 * Wilson's 95 % interval of a share.
 *
 * @returns null for none of none.
 */
export function wilsonInterval(successes: number, n: number): Interval | null {
  if (n === 0) return null;
  const z = 1.959964;
  const share = successes / n;
  const scale = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
