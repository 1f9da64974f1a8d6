import { OBJECTS } from "../../../src/scenes/objects.js";
import { Random } from "../../../src/numbers/random.js";
import { sampleScene } from "../../../src/scenes/scene.js";

/** Plurals of the world's objects, by the dictionary. */
const PLURALS: Readonly<Record<string, string>> = Object.fromEntries(
  (
    "dogs frogs pandas pigs elephants penguins fish butterflies apples bananas pizzas carrots doughnuts watermelons avocados eggplants " +
    "cars buses bicycles airplanes rockets helicopters tractors sailboats umbrellas chairs beds keys hammers buckets cameras clocks " +
    "basketballs guitars trumpets kites robots pianos drums skateboards cacti sunflowers tulips trees rainbows snowmen volcanoes stars"
  )
    .split(" ")
    .map((plural, at): [string, string] => [OBJECTS[at]?.name ?? "", plural]),
);
const SINGULARS = new Map(Object.entries(PLURALS).map(([one, many]) => [many, one]));
const COLOURS = "red orange yellow green blue purple pink black white brown gray".split(" ");
const NUMBERS = "no one two three four five six seven eight".split(" ");
const RELATIONS = [
  "to the left of",
  "to the right of",
  "above",
  "below",
  "next to",
  "far away from",
  "in front of",
  "behind",
];

/** What a sentence says: of each thing its number and colour, and how things stand to each other. */
export interface Told {
  readonly counts: ReadonlyMap<string, number>;
  readonly colours: ReadonlyMap<string, string>;
  /** Relation and the thing that it refers to. */
  readonly relations: readonly (readonly [relation: string, to: string])[];
}

/** A sentence about a scene, and what the scene holds. */
export interface SceneSentence {
  readonly text: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly colours: ReadonlyMap<string, string>;
}

/** Writes a true sentence about a drawn scene; how many of each thing there are and in which colour is drawn with it. */
export function sceneSentence(seed: number, index: number): SceneSentence {
  const random = new Random(`sentence/${seed}/${index}`);
  const names = random.sample(OBJECTS, random.integer(1, 3)).map(({ name }) => name);
  const scene = sampleScene(random, names);
  const counts = new Map(names.map((name) => [name, random.chance(0.6) ? 1 : random.integer(2, 4)]));
  const colours = new Map(names.filter(() => random.chance(0.4)).map((name) => [name, random.pick(COLOURS)]));
  const phrase = (name: string): string => {
    const count = counts.get(name) as number;
    const colour = colours.get(name);
    const words = [...(colour === undefined ? [] : [colour]), count === 1 ? name : (PLURALS[name] as string)].join(" ");
    return count === 1 ? `${/^[aeiou]/.test(words) ? "an" : "a"} ${words}` : `${NUMBERS[count]} ${words}`;
  };
  const phrases = names.map(phrase);
  const list = phrases.length === 1 ? phrases[0] : `${phrases.slice(0, -1).join(", ")} and ${phrases.at(-1)}`;
  const is = counts.get(names[0] as string) === 1 ? "is" : "are";
  const [first, second] = scene.objects;
  const [columns, rows] = [(first?.cell ?? 0) % 2, (second?.cell ?? 0) % 2];
  const place = columns < rows ? "to the left of" : columns > rows ? "to the right of" : "above";
  const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
  const pair = second === undefined ? undefined : ([phrase(first?.name ?? ""), phrase(second.name)] as const);
  const isFirst = counts.get(first?.name ?? "") === 1 ? "is" : "are";
  const texts = [
    `${list}.`,
    capital(`${list}.`),
    `There ${is} ${phrases.length < 3 ? list : phrases[0]}.`,
    ...(pair === undefined
      ? []
      : [
          capital(`${pair[0]} ${place} ${pair[1]}.`),
          capital(`${pair[0]} ${isFirst} ${place} ${pair[1]}.`),
          `There ${isFirst} ${pair[0]} ${random.pick(RELATIONS.slice(4))} ${pair[1]}.`,
          capital(`${pair[0]} with ${pair[1]}.`),
          `The picture shows ${pair[0]} ${random.pick(RELATIONS)} ${pair[1]}.`,
        ]),
  ];
  return { text: random.pick(texts), counts, colours };
}

/**
 * Reads a sentence by the grammar that it must be of, strictly: a wrong article, plural or verb is an error.
 *
 * @throws Error that names the word at fault.
 */
export function readSentence(text: string): Told {
  if (!/^[\p{L}].*\.$/u.test(text) || / {2}/.test(text)) throw new Error("no sentence");
  const words = text.slice(0, -1).replaceAll(",", " ,").split(" ");
  words[0] = (words[0] as string).toLowerCase();
  const counts = new Map<string, number>();
  const colours = new Map<string, string>();
  const relations: [string, string][] = [];
  let at = 0;
  const phrase = (): { name: string; count: number } => {
    const determiner = words[at++] as string;
    const colour = COLOURS.includes(words[at] ?? "") ? words[at++] : undefined;
    const noun = words[at++] as string;
    const next = colour ?? noun;
    if (determiner === "a" && /^[aeiou]/.test(next)) throw new Error(`"a ${next}"`);
    if (determiner === "an" && !/^[aeiou]/.test(next)) throw new Error(`"an ${next}"`);
    const count = /^an?$/.test(determiner) ? 1 : NUMBERS.indexOf(determiner);
    if (count < 0) throw new Error(`"${determiner}" is no article or number`);
    const name = count === 1 || (count === 0 && noun in PLURALS) ? noun : SINGULARS.get(noun);
    if (name === undefined || !(name in PLURALS)) throw new Error(`"${determiner} ${noun}"`);
    if (counts.has(name)) throw new Error(`"${name}" twice`);
    counts.set(name, count);
    if (colour !== undefined) colours.set(name, colour);
    return { name, count };
  };
  const starts = (...begin: string[]): boolean => begin.every((word, offset) => words[at + offset] === word);
  let verb: string | undefined;
  if (starts("there")) {
    verb = words[at + 1];
    at += 2;
  } else if (starts("the", "picture", "shows")) {
    at += 3;
  }
  const first = phrase();
  let subjects = first.count;
  if (
    verb !== undefined &&
    verb !== (first.count > 1 || words[at - 1] === PLURALS[first.name] ? "are" : "is") &&
    first.name !== "fish"
  ) {
    throw new Error(`"there ${verb}"`);
  }
  while (at < words.length) {
    const relation = RELATIONS.find((each) => starts(...each.split(" ")));
    if (starts("is") || starts("are")) {
      if (verb !== undefined || (words[at] === "is") !== (subjects === 1)) throw new Error(`"${words[at]}"`);
      verb = words[at++];
    } else if (relation !== undefined) {
      at += relation.split(" ").length;
      relations.push([relation, phrase().name]);
    } else if (starts("with")) {
      at += 1;
      phrase();
    } else if (starts("without")) {
      at += 1;
      const { name } = phrase();
      counts.set(name, 0);
    } else if (starts("and") || starts(",")) {
      at += 1;
      subjects += phrase().count;
    } else {
      throw new Error(`"${words[at]}"`);
    }
  }
  return { counts, colours, relations };
}
