import { plural } from "../english/noun-number.js";
import { withArticle } from "./caption.js";
import { alignedPairs, countOf, NUMBERS, namesOnce, type Relation, RELATIONS, tileOf } from "./facts.js";
import type { Kind } from "./kinds.js";
import { absentCompanions, OBJECTS } from "./objects.js";
import type { Random } from "../numbers/random.js";
import { differentNames, type Scene, TILE_COLOURS, type TileColour } from "./scene.js";

/** What a question asks about: an object, how many there are, where one is, or the colour of its tile. */
export const QUESTION_KINDS = ["presence", "count", "position", "attribute"] as const;
/** What a question asks for. */
export type QuestionKind = (typeof QUESTION_KINDS)[number];

/** A question with its true answer. */
export interface Question {
  readonly text: string;
  /** "Yes." or "No.", unless the question is an open one. */
  readonly answer: string;
  readonly kind: QuestionKind;
}

/** A question that fits any scene: its text and whether it is true of a scene. */
export interface Asking {
  readonly kind: QuestionKind;
  readonly text: string;
  /** The true answer for a scene. */
  readonly answer: (scene: Scene) => string;
}

// Probability that a scene without a repeated object is asked for a count too.
const COUNT_ONE_RATE = 0.3;
// Probability that a wrong colour is asked for; otherwise it is the colour of another object's tile.
const WRONG_COLOUR_RATE = 0.7;

const yesNo = (isTrue: boolean): string => (isTrue ? "Yes." : "No.");

/** Asks whether an object is there. */
export function askPresence(name: string): Asking {
  return {
    kind: "presence",
    text: `Is there ${withArticle(name)} in the picture?`,
    answer: (scene) => yesNo(countOf(scene, name) > 0),
  };
}

/** Asks whether so many objects of a name are there, one to three. */
export function askCount(name: string, count: number): Asking {
  const what = count === 1 ? `Is there exactly one ${name}` : `Are there exactly ${NUMBERS[count - 1]} ${plural(name)}`;
  return { kind: "count", text: `${what} in the picture?`, answer: (scene) => yesNo(countOf(scene, name) === count) };
}

/** Asks whether one object is in this direction, seen from another. */
export function askPosition(one: string, relation: Relation, other: string): Asking {
  const isTrue = (scene: Scene): boolean =>
    alignedPairs(scene).some((pair) => pair.one === one && pair.relation === relation && pair.other === other);
  return {
    kind: "position",
    text: `Is the ${one} ${relation} the ${other}?`,
    answer: (scene) => yesNo(isTrue(scene)),
  };
}

/** Asks whether an object stands on a tile of a colour. */
export function askTile(name: string, colour: TileColour): Asking {
  return {
    kind: "attribute",
    text: `Is the ${name} on ${withArticle(colour)} tile?`,
    answer: (scene) => yesNo(tileOf(scene, name) === colour),
  };
}

/** Asks an open question about where one of two objects is; the answer names the other: "Left of the car." */
export function askPlace(name: string): Asking {
  return {
    kind: "position",
    text: `Where is the ${name}?`,
    answer: (scene) => {
      const pair = alignedPairs(scene).find(({ one }) => one === name);
      if (pair === undefined) throw new RangeError(`the ${name} stands in no row or column with another object`);
      return `${pair.relation.charAt(0).toUpperCase()}${pair.relation.slice(1)} the ${pair.other}.`;
    },
  };
}

/** What is asked, with the answer that is true of a scene. */
function questionOf(asking: Asking, scene: Scene): Question {
  return { text: asking.text, answer: asking.answer(scene), kind: asking.kind };
}

function absentNames(present: readonly string[]): string[] {
  return OBJECTS.map((object) => object.name).filter((name) => !present.includes(name));
}

// Where an object is repeated its count is asked for; wrong counts are one off.
function sampleCount(random: Random, scene: Scene): Asking[] {
  const repeated = differentNames(scene).filter((name) => countOf(scene, name) > 1);
  if (repeated.length === 0 && !random.chance(COUNT_ONE_RATE)) return [];
  const name = random.pick(repeated.length > 0 ? repeated : differentNames(scene));
  const count = countOf(scene, name);
  const wrong = [count - 1, count + 1].filter((near) => near >= 1 && near <= NUMBERS.length);
  return [askCount(name, random.chance(0.5) ? count : random.pick(wrong))];
}

function samplePosition(random: Random, scene: Scene): Asking[] {
  const pairs = alignedPairs(scene);
  if (pairs.length === 0) return [];
  const { one, relation, other } = random.pick(pairs);
  const wrong = RELATIONS.filter((each) => each !== relation);
  return [askPosition(one, random.chance(0.5) ? relation : random.pick(wrong), other)];
}

function sampleTile(random: Random, scene: Scene): Asking[] {
  const tiled = scene.objects.find(({ tile }) => tile !== null);
  if (tiled === undefined || tiled.tile === null) return [];
  const { name, tile } = tiled;
  if (random.chance(0.5)) return [askTile(name, tile)];
  const others = namesOnce(scene).filter((other) => other !== name);
  if (others.length > 0 && !random.chance(WRONG_COLOUR_RATE)) return [askTile(random.pick(others), tile)];
  return [askTile(name, random.pick(TILE_COLOURS.filter((colour) => colour !== tile)))];
}

// A question of every kind of the world that the scene has a fact of, beside presence; each is as likely yes as no.
function sampleFacts(random: Random, scene: Scene, kinds: readonly Kind[]): Asking[] {
  return [
    ...(kinds.includes("count") ? sampleCount(random, scene) : []),
    ...(kinds.includes("position") ? samplePosition(random, scene) : []),
    ...(kinds.includes("attribute") ? sampleTile(random, scene) : []),
  ];
}

/** Samples the questions about a base scene in any order: two or four about objects, half of them yes, and its other facts. */
export function baseQuestions(random: Random, scene: Scene, kinds: readonly Kind[]): Question[] {
  const present = differentNames(scene);
  const half = present.length >= 2 && random.chance(0.5) ? 2 : 1;
  const names = [...random.sample(present, half), ...random.sample(absentNames(present), half)];
  // Twice, for these are harder to learn than what is there; tiles twice as often, for only half of the scenes have one.
  const facts = [...sampleFacts(random, scene, kinds), ...sampleFacts(random, scene, kinds)];
  if (kinds.includes("attribute")) facts.push(...sampleTile(random, scene), ...sampleTile(random, scene));
  // With more than two objects there is more than one answer to where one is.
  const places =
    kinds.includes("position") && scene.objects.length === 2 ? alignedPairs(scene).map(({ one }) => askPlace(one)) : [];
  const askings = [...names.map(askPresence), ...facts, ...(places.length > 0 ? [random.pick(places)] : [])];
  return random.sample(askings).map((asking) => questionOf(asking, scene));
}

/**
 * Samples the yes/no questions about an evaluation scene: two about objects, one with the answer yes, and its other facts.
 * @param askCompanion - Whether the absent object is a usual companion of a present one, where one is absent.
 * @param kinds - The kinds of facts in the world.
 */
export function evaluationQuestions(
  random: Random,
  scene: Scene,
  askCompanion: boolean,
  kinds: readonly Kind[],
): Question[] {
  const present = differentNames(scene);
  const companions = absentCompanions(present);
  const absent = random.pick(askCompanion && companions.length > 0 ? companions : absentNames(present));
  const names = random.sample([random.pick(present), absent]);
  return [...names.map(askPresence), ...sampleFacts(random, scene, kinds)].map((asking) => questionOf(asking, scene));
}
