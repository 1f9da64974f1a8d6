import type { Caption } from "./caption.js";
import { isDenied, type MakingContext, type ReadRow, type TextContrastKind } from "./contrast-text.js";
import { rewritten } from "./edit.js";
import type { NounPhrase } from "./noun-phrase.js";

/** Where one thing is seen from another, and where it is then not. The longest phrase that fits is taken. */
const OPPOSITES: readonly (readonly [phrase: string, opposites: readonly string[]])[] = [
  ["to the left of", ["to the right of"]],
  ["to the right of", ["to the left of"]],
  ["on the left side of", ["on the right side of"]],
  ["on the right side of", ["on the left side of"]],
  ["on the left of", ["on the right of"]],
  ["on the right of", ["on the left of"]],
  ["left of", ["right of"]],
  ["right of", ["left of"]],
  ["in front of", ["behind"]],
  ["on top of", ["under", "underneath"]],
  ["on the top of", ["under"]],
  ["underneath", ["on top of"]],
  ["beneath", ["above"]],
  ["behind", ["in front of"]],
  ["above", ["below"]],
  ["below", ["above"]],
  ["under", ["above"]],
  ["inside", ["outside"]],
  ["inside of", ["outside of"]],
  ["outside of", ["inside of"]],
  ["next to", ["far away from"]],
  ["beside", ["far away from"]],
  ["far away from", ["next to"]],
  ["on", ["under"]],
];
const BY_LENGTH = OPPOSITES.map(([phrase, opposites]) => ({ words: phrase.split(" "), opposites })).sort(
  (one, other) => other.words.length - one.words.length,
);
/** What stands on something is not always above it: "on a wall", "on a bike ride". */
const STOOD_ON = new Set(
  (
    "table desk chair couch sofa bed bench counter shelf stool car truck bus boat train roof blanket rug carpet pillow laptop keyboard " +
    "suitcase box rock log bridge tray surfboard skateboard snowboard horse elephant bicycle motorcycle umbrella bookshelf dresser " +
    "cushion mat countertop nightstand stove oven refrigerator plate napkin towel platform"
  ).split(" "),
);
/** Verbs and adverbs to which "on", "under" and the like belong. */
const PARTICLE_VERB =
  /^(?:turn|put|try|get|hang|carry|go|come|look|work|play|focus|based|hold|pull|switch|log|way|time|left|right|far|just|directly|sideways|back|ride|riding|rides)/;

/** Two things stand otherwise to each other: left is right, above is below, before is behind. */
export const relationContrast: TextContrastKind = {
  name: "relation",
  propose(row, context, random) {
    const { caption } = row;
    for (const place of random.sample(placesOf(row, context))) {
      const opposite = random.pick(place.opposites);
      const words = caption.tokens.slice(place.from, place.to).map(({ lower }) => lower);
      return {
        kind: "relation",
        detail: "opposite",
        rejected: rewritten(caption, [{ from: place.from, to: place.to, words: opposite }]),
        chosenWord: words.join(" "),
        rejectedWord: opposite,
      };
    }
    return null;
  },
};

interface Place {
  from: number;
  to: number;
  opposites: readonly string[];
}

function placesOf(row: ReadRow, context: MakingContext): Place[] {
  return matchesIn(row.caption).filter(({ from, to, words }) => holds(from, to, words.split(" "), row, context));
}

/** Every relation between things that a caption names, in its words, with the position behind them. */
export function relationsIn(caption: Caption): readonly { readonly words: string; readonly to: number }[] {
  return matchesIn(caption);
}

function matchesIn({ tokens }: Caption): (Place & { words: string })[] {
  const places: (Place & { words: string })[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const found = BY_LENGTH.find(({ words }) => words.every((word, offset) => tokens[at + offset]?.lower === word));
    if (found === undefined) continue;
    const to = at + found.words.length;
    places.push({ from: at, to, opposites: found.opposites, words: found.words.join(" ") });
    at = to - 1;
  }
  return places;
}

/** Whether the words tell where a thing is: another thing follows, and what precedes does not make an idiom of them. */
function holds(
  from: number,
  to: number,
  words: readonly string[],
  { caption }: ReadRow,
  { things }: MakingContext,
): boolean {
  const { phrases, tokens } = caption;
  const object = phrases.find((phrase) => phrase.from === to);
  if (object === undefined || object.determiner === undefined || !object.sure) return false;
  if (things.classOf(object.term) === undefined || isDenied(object, caption)) return false;
  // "on the side of a road": of the road, not of a thing that stands there.
  if (tokens[object.to]?.lower === "of") return false;
  const before = tokens[from - 1];
  // "left of the cat." answers where something is.
  if (before === undefined) return words.length > 1;
  if (/^(?:and|or|,|from|of|to)$/.test(before.lower)) return false;
  if (words.length === 1 && PARTICLE_VERB.test(before.lower)) return false;
  if (words[0] === "on" && words.length === 1) return STOOD_ON.has(object.head) && subjectBefore(from, phrases);
  return true;
}

function subjectBefore(at: number, phrases: readonly NounPhrase[]): boolean {
  return phrases.some((phrase) => phrase.to <= at);
}
