import { plural } from "../../english/noun-number.js";
import { verbOfOne } from "../../english/verb-number.js";
import { type ChangedSpan, changedSpans, spansOf, wordsOf } from "./word-difference.js";

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

const FOLLOWING = new Set(["and", "or", "a", "an", "the"]);

const groupOf = new Map(AGREEING.flatMap((group, index) => group.map((form) => [form, index] as const)));

/**
 * How many facts differ between two texts, as far as their words tell: the changed places, without those that only
 * follow another in grammar (an article, the number of a verb).
 *
 * @returns 0 where no word differs.
 */
export function changedFacts(chosen: string, rejected: string): number {
  if (changedSpans(chosen, rejected).length === 0) return 0;
  // The "and" of a list moves when the list gets longer, and an article follows its noun.
  const [one, other] = [chosen, rejected].map((text) => wordsOf(text).filter((found) => !FOLLOWING.has(found)));
  const facts = spansOf(one ?? [], other ?? []).filter((span) => !isAgreement(span)).length;
  return Math.max(facts, 1);
}

/**
 * The words of each text that the other lacks, without those that only follow in grammar where there are others.
 *
 * @returns Each word once.
 */
export function tellingWords(chosen: string, rejected: string): { chosen: string[]; rejected: string[] } {
  const [one, other] = [new Set(wordsOf(chosen)), new Set(wordsOf(rejected))];
  const own = (words: ReadonlySet<string>, others: ReadonlySet<string>): string[] => {
    const lacking = [...words].filter((found) => !others.has(found));
    const telling = lacking.filter((found) => !groupOf.has(found));
    return telling.length > 0 ? telling : lacking;
  };
  return { chosen: own(one, other), rejected: own(other, one) };
}

/** Whether one word is the other in the plural, or a verb in the third person. */
function isInflected(one: string, other: string): boolean {
  return plural(one) === other || verbOfOne(one) === other;
}

function isAgreement({ chosen, rejected }: ChangedSpan): boolean {
  // An article that comes or goes, as before a plural.
  if (chosen.length + rejected.length === 1) return groupOf.get((chosen[0] ?? rejected[0]) as string) === 0;
  return chosen.length === rejected.length && chosen.every((word, at) => agree(word, rejected[at] as string));
}

function agree(one: string, other: string): boolean {
  if (isInflected(one, other) || isInflected(other, one)) return true;
  return groupOf.has(one) && groupOf.get(one) === groupOf.get(other);
}
