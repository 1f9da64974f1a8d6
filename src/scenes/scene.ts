import { createHash } from "node:crypto";
import type { Random } from "../numbers/random.js";

/** Side of the square image, in pixels. */
export const IMAGE_SIDE = 64;
/** Cells a side of the grid; a cell holds at most one object. */
export const GRID = 2;
/** Side of a cell, in pixels. */
export const CELL_SIDE = IMAGE_SIDE / GRID;
/** Cell numbers in reading order: left to right, then top to bottom. */
export const CELLS: readonly number[] = Array.from({ length: GRID * GRID }, (_, cell) => cell);
/** Sides that an object's sprite can have, in pixels. */
export const SPRITE_SIDES: readonly number[] = [24, 26, 28];
/** Soft plain backgrounds, RGB 0 to 255. */
export const BACKGROUNDS: readonly (readonly [number, number, number])[] = [
  [245, 226, 208],
  [208, 226, 243],
  [215, 236, 210],
  [234, 217, 240],
  [248, 239, 200],
  [222, 224, 230],
];

/** Colours that the tile under an object can have, RGB 0 to 255: strong beside the backgrounds, light enough to see by. */
export const TILES = {
  red: [226, 84, 80],
  blue: [78, 120, 226],
  green: [72, 168, 92],
  yellow: [246, 206, 40],
  purple: [156, 92, 204],
} as const satisfies Readonly<Record<string, readonly [number, number, number]>>;
/** Name of a tile's colour. */
export type TileColour = keyof typeof TILES;
/** Every colour of a tile. */
export const TILE_COLOURS = Object.keys(TILES) as readonly TileColour[];

/** One object in its cell. */
export interface PlacedObject {
  readonly name: string;
  readonly cell: number;
  /** Colour of the tile that fills its cell; null where the background shows. */
  readonly tile: TileColour | null;
  /** Side of its sprite, in pixels. */
  readonly side: number;
  /** Distance of the sprite's box from the cell's left edge, in pixels. */
  readonly left: number;
  /** Distance of the sprite's box from the cell's top edge, in pixels. */
  readonly top: number;
}

/** Everything that an image shows, objects in reading order of their cells. */
export interface Scene {
  readonly background: number;
  readonly objects: readonly PlacedObject[];
}

/** Who may see a scene: the base model's training, preference pairs, or one of the evaluations. */
export type Split = "base" | "train" | "validation" | "test";

/** Names of a scene's objects in reading order; one that appears twice is listed twice. */
export function namesOf(scene: Scene): string[] {
  return scene.objects.map((object) => object.name);
}

/** The different names of a scene's objects, in the order in which they first appear. */
export function differentNames(scene: Scene): string[] {
  return [...new Set(namesOf(scene))];
}

/** A scene's layout: which objects stand in which cells on which tiles, without size, jitter and background. */
export function layoutKey(scene: Scene): string {
  return scene.objects
    .map((object) => `${object.name}@${object.cell}${object.tile === null ? "" : `/${object.tile}`}`)
    .sort()
    .join(",");
}

/**
 * Tells which split owns a layout, by a hash of its key, so that no two splits share one.
 * @param key - As {@link layoutKey} gives it.
 */
export function splitOf(key: string): Split {
  const share = createHash("sha256").update(`layout:${key}`).digest().readUInt32LE(0) / 2 ** 32;
  if (share < 0.6) return "base";
  if (share < 0.85) return "train";
  if (share < 0.9) return "validation";
  return "test";
}

/** Places one object in a cell with a random size and jitter, on no tile. */
export function placeObject(random: Random, name: string, cell: number): PlacedObject {
  const side = random.pick(SPRITE_SIDES);
  const left = random.integer(0, CELL_SIDE - side);
  const top = random.integer(0, CELL_SIDE - side);
  return { name, cell, tile: null, side, left, top };
}

/** Makes a scene, putting its objects in reading order. */
export function sceneOf(background: number, objects: readonly PlacedObject[]): Scene {
  return { background, objects: [...objects].sort((one, other) => one.cell - other.cell) };
}

/** Samples cells, sizes, jitter and background for the named objects, a name for each object. */
export function sampleScene(random: Random, names: readonly string[]): Scene {
  const cells = random.sample(CELLS, names.length);
  const objects = names.map((name, index) => placeObject(random, name, cells[index] as number));
  return sceneOf(random.integer(0, BACKGROUNDS.length - 1), objects);
}
