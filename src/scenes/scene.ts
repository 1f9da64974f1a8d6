import { createHash } from "node:crypto";
import type { Random } from "./random.js";

/** Side of the square picture, in pixels. */
export const PICTURE_SIDE = 64;
/** Cells a side of the grid; a cell holds at most one object. */
export const GRID = 2;
/** Side of a cell, in pixels. */
export const CELL_SIDE = PICTURE_SIDE / GRID;
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

/** One object in its cell. */
export interface PlacedObject {
  readonly name: string;
  readonly cell: number;
  /** Side of its sprite, in pixels. */
  readonly side: number;
  /** Distance of the sprite's box from the cell's left edge, in pixels. */
  readonly left: number;
  /** Distance of the sprite's box from the cell's top edge, in pixels. */
  readonly top: number;
}

/** Everything that a picture shows, objects in reading order of their cells. */
export interface Scene {
  readonly background: number;
  readonly objects: readonly PlacedObject[];
}

/** Who may see a scene: the base model's training, preference pairs, or one of the evaluations. */
export type Split = "base" | "train" | "validation" | "test";

/** Names of a scene's objects in reading order. */
export function namesOf(scene: Scene): string[] {
  return scene.objects.map((object) => object.name);
}

/** A scene's layout: which objects stand in which cells, without size, jitter and background. */
export function layoutKey(scene: Scene): string {
  return scene.objects
    .map((object) => `${object.name}@${object.cell}`)
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

/** Places one object in a cell with a drawn size and jitter. */
export function placeObject(random: Random, name: string, cell: number): PlacedObject {
  const side = random.pick(SPRITE_SIDES);
  const left = random.integer(0, CELL_SIDE - side);
  const top = random.integer(0, CELL_SIDE - side);
  return { name, cell, side, left, top };
}

/** Makes a scene, putting its objects in reading order. */
export function sceneOf(background: number, objects: readonly PlacedObject[]): Scene {
  return { background, objects: [...objects].sort((one, other) => one.cell - other.cell) };
}

/** Draws cells, sizes, jitter and background for the named objects. */
export function drawScene(random: Random, names: readonly string[]): Scene {
  const cells = random.sample(CELLS, names.length);
  const objects = names.map((name, index) => placeObject(random, name, cells[index] as number));
  return sceneOf(random.integer(0, BACKGROUNDS.length - 1), objects);
}
