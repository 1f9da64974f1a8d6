import { singularOf } from "../../english/noun-number.js";
import type { Morphy } from "../../english/morphy.js";
import type { ObjectAnnotation, PairRow } from "../pair-row.js";
import type { MakingRow } from "./making-row.js";

/**
 * What a row says of its image, in the words that captions are read in.
 *
 * @param row - A row of a pairs file.
 * @param morphy - Knows words.
 */
export function knowledgeOf(row: PairRow, morphy: Morphy): MakingRow {
  const { annotations } = row;
  const named = (name: string): string => objectName(name, morphy);
  const objects =
    row.objects === null && annotations === null
      ? null
      : [...new Set([...(row.objects ?? []), ...(annotations ?? []).map(({ object }) => object)].map(named))];
  return {
    id: row.id,
    chosen: row.chosen,
    objects,
    counts: annotations === null ? null : countsOf(annotations, named),
    attributes: annotations === null ? null : attributesOf(annotations, named),
    captions: row.captions ?? [],
  };
}

/** Name of an annotated object in the singular and in lower case: "Traffic_Lights" is "traffic light". */
export function objectName(name: string, morphy: Morphy): string {
  const words = name
    .toLowerCase()
    .replaceAll(/[_\s]+/g, " ")
    .trim();
  const last = words.slice(words.lastIndexOf(" ") + 1);
  return morphy.isWord(last, "noun") && !/[^aiou]s$/.test(last) ? words : singularOf(words, morphy);
}

function countsOf(annotations: readonly ObjectAnnotation[], named: (name: string) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { object } of annotations) counts.set(named(object), (counts.get(named(object)) ?? 0) + 1);
  // Of a crowd nobody knows how many there are.
  for (const { object, crowd } of annotations) if (crowd === true) counts.delete(named(object));
  return counts;
}

function attributesOf(
  annotations: readonly ObjectAnnotation[],
  named: (name: string) => string,
): Map<string, Set<string>> {
  const attributes = new Map<string, Set<string>>();
  for (const { object, attributes: words } of annotations) {
    const name = named(object);
    const known = attributes.get(name) ?? new Set<string>();
    for (const word of words ?? []) known.add(word.toLowerCase());
    attributes.set(name, known);
  }
  return attributes;
}
