import { diffArrays } from "diff";

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

function spansOf(one: string[], other: string[]): ChangedSpan[] {
  const spans: { chosen: string[]; rejected: string[]; at: number }[] = [];
  let at = 0;
  let open = false;
  for (const { value, added, removed } of diffArrays(one, other)) {
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

/** Words that follow another word of the sentence in form, so that one fact can change several of them. */
const AGREEING: readonly (readonly string[])[] = [
  ["a", "an", "the", "one", "some", "any"],
  ["is", "are", "was", "were"],
  ["has", "have"],
  ["does", "do"],
  ["there's", "there"],
  ["it", "they"],
  ["its", "their"],
  ["this", "these"],
  ["that", "those"],
];

const joining = new Set(["and", "or"]);

const groupOf = new Map(AGREEING.flatMap((group, index) => group.map((form) => [form, index] as const)));

/**
 * How many facts differ between two texts, as far as their words tell: the changed places, without those that only
 * follow another in grammar (an article, the number of a verb).
 *
 * @returns 0 where no word differs.
 */
export function changedFacts(chosen: string, rejected: string): number {
  if (changedSpans(chosen, rejected).length === 0) return 0;
  // The "and" of a list moves when the list gets longer.
  const [one, other] = [chosen, rejected].map((text) => wordsOf(text).filter((found) => !joining.has(found)));
  const facts = spansOf(one ?? [], other ?? []).filter((span) => !isAgreement(span)).length;
  return Math.max(facts, 1);
}

function isAgreement(span: ChangedSpan): boolean {
  const [first, second] = [span.chosen, span.rejected];
  if (first.length > 1 || second.length > 1) return false;
  const [a, b] = [first[0], second[0]];
  // An article that comes or goes, as before a plural.
  if (a === undefined || b === undefined) return groupOf.get((a ?? b) as string) === 0;
  return groupOf.has(a) && groupOf.get(a) === groupOf.get(b);
}
