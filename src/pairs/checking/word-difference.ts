import { type ArrayChange, diffArrays } from "diff";

/** A place where two texts differ: what one says there and what the other says. */
export interface ChangedSpan {
  /** Words of the first text; empty where the second adds some. */
  readonly chosen: readonly string[];
  /** Words of the second text; empty where it leaves some out. */
  readonly rejected: readonly string[];
  /** Words of the first text before the place. */
  readonly at: number;
}

const word = /[\p{L}\p{N}]+(?:['’\-][\p{L}\p{N}]+)*/gu;

/** The words of a text, in lower case and without punctuation. */
export function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(word) ?? []).map((found) => found.replaceAll("’", "'"));
}

/**
 * The places where two texts differ, word by word, by a shortest edit.
 *
 * @returns None where they differ in punctuation or case alone.
 */
export function changedSpans(chosen: string, rejected: string): ChangedSpan[] {
  return spansOf(wordsOf(chosen), wordsOf(rejected));
}

/** As {@link changedSpans}, of the words themselves. */
export function spansOf(one: string[], other: string[]): ChangedSpan[] {
  const spans: { chosen: string[]; rejected: string[]; at: number }[] = [];
  let at = 0;
  let open = false;
  for (const { value, added, removed } of slid(diffArrays(one, other))) {
    if (value.length === 0) continue;
    if (!added && !removed) {
      open = false;
      at += value.length;
      continue;
    }
    if (!open) spans.push({ chosen: [], rejected: [], at });
    open = true;
    const span = spans.at(-1) as (typeof spans)[number];
    (added ? span.rejected : span.chosen).push(...value);
    if (removed) at += value.length;
  }
  return spans;
}

/** A piece of a text: words that the other text lacks, or what lies between such. */
export interface TextPiece {
  readonly text: string;
  readonly changed: boolean;
}

/** Texts that differ in more words are taken as different from the first such word to the last: finding less costs more. */
const MOST_EDITS = 500;

/**
 * Two texts in pieces, so that the words that differ can be marked; case and punctuation do not count.
 *
 * @returns The pieces of each text, which together are the whole of it.
 */
export function changedPieces(chosen: string, rejected: string): [chosen: TextPiece[], rejected: TextPiece[]] {
  const words = { chosen: [...chosen.matchAll(word)], rejected: [...rejected.matchAll(word)] };
  const changed = { chosen: new Set<number>(), rejected: new Set<number>() };
  const at = { chosen: 0, rejected: 0 };
  const [one, other] = [words.chosen.map(plain), words.rejected.map(plain)];
  const changes = diffArrays(one, other, { maxEditLength: MOST_EDITS }) ?? betweenEnds(one, other);
  for (const { value, added, removed } of slid(changes)) {
    for (const side of ["chosen", "rejected"] as const) {
      if (side === "chosen" ? added : removed) continue;
      if (added || removed) value.forEach((_, place) => changed[side].add(at[side] + place));
      at[side] += value.length;
    }
  }
  return [piecesOf(chosen, words.chosen, changed.chosen), piecesOf(rejected, words.rejected, changed.rejected)];
}

/** What lies between the words that both texts begin and end with. */
function betweenEnds(one: readonly string[], other: readonly string[]): ArrayChange<string>[] {
  const most = Math.min(one.length, other.length);
  let start = 0;
  while (start < most && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < most - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const change = (value: string[], added: boolean, removed: boolean): ArrayChange<string> => ({
    ...{ value, added, removed },
    count: value.length,
  });
  return [
    change(one.slice(0, start), false, false),
    change(one.slice(start, one.length - end), false, true),
    change(other.slice(start, other.length - end), true, false),
    change(one.slice(one.length - end), false, false),
  ];
}

/** Of several shortest edits the one that takes articles along: of "a dog, a cat", "a dog" goes rather than "dog, a". */
function slid(changes: readonly ArrayChange<string>[]): ArrayChange<string>[] {
  const after = changes.map((change) => ({ ...change, value: [...change.value] }));
  for (const [at, { value, added, removed }] of after.entries()) {
    const [before, next] = [after[at - 1], after[at + 1]];
    const isAlone =
      (added || removed) && before && next && ![before, next].some((other) => other.added || other.removed);
    while (isAlone && before.value.length > 0 && before.value.at(-1) === value.at(-1)) {
      next.value.unshift(value.pop() as string);
      value.unshift(before.value.pop() as string);
    }
  }
  return after;
}

function plain([found]: RegExpExecArray): string {
  return found.toLowerCase().replaceAll("’", "'");
}

function piecesOf(text: string, words: readonly RegExpExecArray[], changed: ReadonlySet<number>): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  const add = (upTo: number, isChanged: boolean): void => {
    if (upTo > end) pieces.push({ text: text.slice(end, upTo), changed: isChanged });
    end = upTo;
  };
  for (let first = 0; first < words.length; first++) {
    if (!changed.has(first)) continue;
    let last = first;
    while (changed.has(last + 1)) last += 1;
    add((words[first] as RegExpExecArray).index, false);
    const { index, 0: found } = words[last] as RegExpExecArray;
    add(index + found.length, true);
    first = last;
  }
  add(text.length, false);
  return pieces;
}
