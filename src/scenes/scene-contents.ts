import type { Kind } from "./kinds.js";
import type { Random } from "../numbers/random.js";
import { CELLS, sampleScene, type Scene, TILE_COLOURS } from "./scene.js";

/** Probability that one of a scene's objects is there more than once, in a world where counts differ. */
const REPEAT_RATE = 0.4;
/** Probability that one of a scene's objects stands on a tile, in a world where tiles differ; it is there once. */
const TILE_RATE = 0.5;
/** Most objects of one name. */
export const MOST_ALIKE = 3;

/**
 * Samples a scene of these objects; in a world with such facts one may be repeated and one of the others stand on a tile.
 * @param random - Where the choices come from.
 * @param names - One to three different names.
 * @param kinds - The kinds of facts in the world.
 */
export function sampleContents(random: Random, names: readonly string[], kinds: readonly Kind[]): Scene {
  const free = Math.min(MOST_ALIKE - 1, CELLS.length - names.length);
  const repeated = kinds.includes("count") && random.chance(REPEAT_RATE) ? random.pick(names) : null;
  const copies = repeated === null ? 0 : random.integer(1, free);
  const scene = sampleScene(random, [...names, ...Array.from({ length: copies }, () => repeated as string)]);
  const once = names.filter((name) => name !== repeated);
  if (!kinds.includes("attribute") || once.length === 0 || !random.chance(TILE_RATE)) return scene;
  return putOnTile(scene, random.pick(once), random.pick(TILE_COLOURS));
}

/** The same scene with the objects of a name on tiles of a colour. */
export function putOnTile(scene: Scene, name: string, tile: Scene["objects"][number]["tile"]): Scene {
  return { ...scene, objects: scene.objects.map((object) => (object.name === name ? { ...object, tile } : object)) };
}
