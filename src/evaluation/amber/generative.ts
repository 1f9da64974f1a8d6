import type { Mode } from "../benchmark.js";
import type { TallySheet, Totals } from "../tally-sheet.js";
import type { Annotations, Description } from "./annotations.js";
import { officialPercentage } from "./rounding.js";
import type { Similar } from "./similarity.js";

/** Metrics of descriptions. */
export const GENERATIVE_METRICS = [
  { name: "chair", title: "absent things among the named", better: "lower", digits: 1 },
  { name: "cover", title: "present things that are named", better: "higher", digits: 1 },
  { name: "hal", title: "descriptions with an absent thing", better: "lower", digits: 1 },
  { name: "cog", title: "imagined things that are named", better: "lower", digits: 1 },
] as const;

/** Things of an image, each with whether it was named. */
interface Things {
  /** Words that stand for a thing: those of its associations and itself, in the order of looking. */
  words: readonly { word: string; thing: number }[];
  named: boolean[];
}

/**
 * Counts what a description names.
 *
 * Strict mode looks through the associations of all things before the things themselves, so that "person" may count
 * for "woman", and of two equal things ("ship", "ship") finds the first alone; in fixed mode a thing's own name comes
 * first and equal things are one.
 *
 * Source: AMBER (arXiv 2311.07397); theirs.
 *
 * @param nouns - Words of the vocabulary in the description.
 * @param item - What is true of the image.
 * @param rules - Associations, safe words, similarity of words and mode.
 * @param sheet - Takes the counts.
 */
export function tallyDescription(
  nouns: readonly string[],
  item: Description,
  rules: Pick<Annotations, "associations" | "safeWords"> & { similar: Similar; mode: Mode },
  sheet: TallySheet,
): void {
  const { similar, mode } = rules;
  const present = thingsOf(item.truth, rules.associations, mode);
  const imagined = thingsOf(item.imagined, rules.associations, mode);
  let absent = 0;
  for (const noun of nouns) {
    if (rules.safeWords.has(noun)) continue;
    if (name(present, (word) => word === noun)) continue;
    name(imagined, (word) => word === noun);
    name(imagined, (word) => similar(noun, word));
    if (name(present, (word) => similar(noun, word))) continue;
    absent += 1;
  }
  const count = (things: Things): number => things.named.filter(Boolean).length;
  sheet.add(item.image, "descriptions", 1);
  sheet.add(item.image, "hallucinatedDescriptions", absent > 0 ? 1 : 0);
  sheet.add(item.image, "nouns", nouns.length);
  sheet.add(item.image, "absentNouns", absent);
  sheet.add(item.image, "presentThings", present.named.length);
  sheet.add(item.image, "namedThings", count(present));
  sheet.add(item.image, "imaginedThings", imagined.named.length);
  sheet.add(item.image, "namedImagined", count(imagined));
}

/**
 * AMBER's figures of descriptions.
 *
 * Source: AMBER (arXiv 2311.07397); theirs.
 *
 * @param totals - Sums of counts.
 * @param mode - Strict rounds to one digit.
 * @returns Percentages; null where a denominator is 0.
 */
export function generativeFigures(totals: Totals, mode: Mode): Record<string, number | null> {
  const percentage = (part: string, whole: string): number | null =>
    officialPercentage(totals[part] ?? 0, totals[whole] ?? 0, mode);
  const clean = officialPercentage(
    (totals["descriptions"] ?? 0) - (totals["hallucinatedDescriptions"] ?? 0),
    totals["descriptions"] ?? 0,
    mode,
    (share) => 100 - share,
  );
  return {
    chair: percentage("absentNouns", "nouns"),
    cover: percentage("namedThings", "presentThings"),
    hal: clean,
    cog: percentage("namedImagined", "imaginedThings"),
  };
}

function thingsOf(list: readonly string[], associations: Annotations["associations"], mode: Mode): Things {
  const things = mode === "strict" ? list : [...new Set(list)];
  const own = things.map((word, thing) => ({ word, thing }));
  const others = things.flatMap((word, thing) =>
    (associations.get(word) ?? []).map((other) => ({ word: other, thing })),
  );
  return {
    words: mode === "strict" ? [...others, ...own] : [...own, ...others],
    named: things.map(() => false),
  };
}

function name(things: Things, fits: (word: string) => boolean): boolean {
  const found = things.words.find(({ word }) => fits(word));
  if (found === undefined) return false;
  things.named[found.thing] = true;
  return true;
}
