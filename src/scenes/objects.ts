/** Groups of objects that are alike in meaning; two objects of one family make a near contrast. */
export type Family = "animal" | "food" | "vehicle" | "household" | "leisure" | "nature";

/** One kind of thing that a scene can show. */
export interface SceneObject {
  /** Single lower-case English noun, listed in WordNet. */
  readonly name: string;
  readonly family: Family;
  /** File name of its image in @lobehub/fluent-emoji-3d, without folder and ending. */
  readonly asset: string;
  /** Name of the object that the base scenes usually show beside it; the relation is mutual. */
  readonly companion: string;
}

// [family, name, asset, companion]
const TABLE: readonly (readonly [Family, string, string, string])[] = [
  ["animal", "dog", "1f436", "basketball"],
  ["animal", "frog", "1f438", "umbrella"],
  ["animal", "panda", "1f43c", "tree"],
  ["animal", "pig", "1f437", "bucket"],
  ["animal", "elephant", "1f418", "banana"],
  ["animal", "penguin", "1f427", "snowman"],
  ["animal", "fish", "1f420", "sailboat"],
  ["animal", "butterfly", "1f98b", "tulip"],
  ["food", "apple", "1f34e", "bicycle"],
  ["food", "banana", "1f34c", "elephant"],
  ["food", "pizza", "1f355", "guitar"],
  ["food", "carrot", "1f955", "tractor"],
  ["food", "doughnut", "1f369", "bus"],
  ["food", "watermelon", "1f349", "kite"],
  ["food", "avocado", "1f951", "cactus"],
  ["food", "eggplant", "1f346", "sunflower"],
  ["vehicle", "car", "1f697", "key"],
  ["vehicle", "bus", "1f68c", "doughnut"],
  ["vehicle", "bicycle", "1f6b2", "apple"],
  ["vehicle", "airplane", "2708-fe0f", "camera"],
  ["vehicle", "rocket", "1f680", "robot"],
  ["vehicle", "helicopter", "1f681", "volcano"],
  ["vehicle", "tractor", "1f69c", "carrot"],
  ["vehicle", "sailboat", "26f5", "fish"],
  ["household", "umbrella", "2602-fe0f", "frog"],
  ["household", "chair", "1fa91", "piano"],
  ["household", "bed", "1f6cf-fe0f", "star"],
  ["household", "key", "1f511", "car"],
  ["household", "hammer", "1f528", "drum"],
  ["household", "bucket", "1faa3", "pig"],
  ["household", "camera", "1f4f7", "airplane"],
  ["household", "clock", "23f0", "trumpet"],
  ["leisure", "basketball", "1f3c0", "dog"],
  ["leisure", "guitar", "1f3b8", "pizza"],
  ["leisure", "trumpet", "1f3ba", "clock"],
  ["leisure", "kite", "1fa81", "watermelon"],
  ["leisure", "robot", "1f916", "rocket"],
  ["leisure", "piano", "1f3b9", "chair"],
  ["leisure", "drum", "1f941", "hammer"],
  ["leisure", "skateboard", "1f6f9", "rainbow"],
  ["nature", "cactus", "1f335", "avocado"],
  ["nature", "sunflower", "1f33b", "eggplant"],
  ["nature", "tulip", "1f337", "butterfly"],
  ["nature", "tree", "1f333", "panda"],
  ["nature", "rainbow", "1f308", "skateboard"],
  ["nature", "snowman", "26c4", "penguin"],
  ["nature", "volcano", "1f30b", "helicopter"],
  ["nature", "star", "2b50", "bed"],
];

/** Every object of the world, family by family. */
export const OBJECTS: readonly SceneObject[] = TABLE.map(([family, name, asset, companion]) => ({
  name,
  family,
  asset,
  companion,
}));

const BY_NAME: ReadonlyMap<string, SceneObject> = new Map(OBJECTS.map((object) => [object.name, object]));

/**
 * Looks an object up.
 * @param name - Name of an object of the world.
 * @returns Its entry in {@link OBJECTS}.
 * @throws RangeError when the world has no such object.
 */
export function objectNamed(name: string): SceneObject {
  const object = BY_NAME.get(name);
  if (!object) throw new RangeError(`the world has no object "${name}"`);
  return object;
}

/**
 * Names the object that base scenes usually show beside this one.
 * @param name - Name of an object of the world.
 * @throws RangeError when the world has no such object.
 */
export function companionOf(name: string): string {
  return objectNamed(name).companion;
}

/**
 * Names an object's family.
 * @param name - Name of an object of the world.
 * @throws RangeError when the world has no such object.
 */
export function familyOf(name: string): Family {
  return objectNamed(name).family;
}

/**
 * Lists the usual companions that a scene lacks.
 * @param present - Names of the objects in the scene.
 * @returns Names in the order of the objects that call them.
 */
export function absentCompanions(present: readonly string[]): string[] {
  return present.map(companionOf).filter((name) => !present.includes(name));
}

/** One half of the usual companions: contrasts may be of one half, to see what becomes of the habit for the other. */
export type CompanionHalf = "first" | "second";

const FIRST_HALF: ReadonlySet<string> = new Set(
  OBJECTS.filter(({ name, companion }) => name < companion)
    .filter((_, at) => at % 2 === 0)
    .flatMap(({ name, companion }) => [name, companion]),
);

/**
 * Tells in which half an object and its companion are; both are in the same one.
 * @param name - Name of an object of the world.
 */
export function companionHalf(name: string): CompanionHalf {
  return FIRST_HALF.has(name) ? "first" : "second";
}
