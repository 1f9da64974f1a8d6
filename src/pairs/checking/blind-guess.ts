import type { Interval } from "../../numbers/statistics.js";
import { wilsonInterval } from "./text-bias.js";
import { changedSpans } from "./word-difference.js";

/** How well chosen is told from rejected by their words alone. */
export interface BlindGuess {
  /** Pairs that were guessed. */
  readonly pairs: number;
  /** Share of right guesses; one half where words give nothing away. */
  readonly accuracy: number | null;
  readonly interval: Interval | null;
  /** Words that gave the most away: how often they stood in the changed place of chosen and of rejected. */
  readonly words: readonly { readonly word: string; readonly chosen: number; readonly rejected: number }[];
}

const folds = 5;
const shownWords = 10;

interface Counts {
  chosen: number;
  rejected: number;
}

/**
 * Guesses chosen from rejected without the image: naive Bayes over the words in which the two differ, each fifth of
 * the pairs guessed by what the other four fifths say. Pairs that share their two texts fall into the same fifth.
 *
 * @param pairs - Texts, gone through twice.
 * @returns Ties count as half a right guess.
 */
export function guessBlind(pairs: Iterable<{ readonly chosen: string; readonly rejected: string }>): BlindGuess {
  const words = new Map<string, Counts[]>();
  const differences: { fold: number; chosen: string[]; rejected: string[] }[] = [];
  for (const { chosen, rejected } of pairs) {
    const spans = changedSpans(chosen, rejected);
    const difference = {
      fold: foldOf([chosen, rejected].sort().join("\n")),
      chosen: [...new Set(spans.flatMap((span) => span.chosen))],
      rejected: [...new Set(spans.flatMap((span) => span.rejected))],
    };
    differences.push(difference);
    for (const side of ["chosen", "rejected"] as const) {
      for (const word of difference[side]) {
        let counts = words.get(word);
        if (counts === undefined) {
          counts = Array.from({ length: folds }, () => ({ chosen: 0, rejected: 0 }));
          words.set(word, counts);
        }
        (counts[difference.fold] as Counts)[side] += 1;
      }
    }
  }
  let right = 0;
  for (const { fold, chosen, rejected } of differences) {
    const margin = sum(chosen, words, fold) - sum(rejected, words, fold);
    right += margin > 1e-12 ? 1 : margin < -1e-12 ? 0 : 0.5;
  }
  const n = differences.length;
  return { pairs: n, accuracy: n === 0 ? null : right / n, interval: wilsonInterval(right, n), words: telling(words) };
}

/** Sum over words of the log of how much oftener they stand in chosen, by the other folds, with one added to counts. */
function sum(found: readonly string[], words: ReadonlyMap<string, Counts[]>, fold: number): number {
  let total = 0;
  for (const word of found) {
    const { chosen, rejected } = summed(words.get(word) ?? [], fold);
    total += Math.log((chosen + 1) / (rejected + 1));
  }
  return total;
}

function summed(counts: readonly Counts[], without: number): Counts {
  const total = { chosen: 0, rejected: 0 };
  for (const [at, { chosen, rejected }] of counts.entries()) {
    if (at === without) continue;
    total.chosen += chosen;
    total.rejected += rejected;
  }
  return total;
}

function telling(words: ReadonlyMap<string, Counts[]>): BlindGuess["words"] {
  const all = [...words].map(([word, counts]) => ({ word, ...summed(counts, -1) }));
  const weight = ({ chosen, rejected }: Counts) => Math.abs(chosen - rejected) / Math.sqrt(chosen + rejected);
  // Below two standard deviations a difference says nothing.
  const marked = all
    .filter((entry) => weight(entry) > 2)
    .sort((a, b) => weight(b) - weight(a) || (a.word < b.word ? -1 : 1));
  return marked.slice(0, shownWords);
}

/** FNV-1a, folded. */
function foldOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % folds;
}
