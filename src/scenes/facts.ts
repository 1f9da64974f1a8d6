import { GRID, type Scene, type TileColour } from "./scene.js";

/** Number words of the world, from one. */
export const NUMBERS = ["one", "two", "three"] as const;

/** Where one object is, seen from another in its row or column; "left of" to be read "the dog is left of the car". */
export const RELATIONS = ["left of", "right of", "above", "below"] as const;
/** Where one object is, seen from another. */
export type Relation = (typeof RELATIONS)[number];

/** Two objects that stand in one row or one column. */
export interface AlignedPair {
  readonly one: string;
  readonly relation: Relation;
  readonly other: string;
}

/** How many objects of a name a scene has. */
export function countOf(scene: Scene, name: string): number {
  return scene.objects.filter((object) => object.name === name).length;
}

/** The names of the objects that a scene has once, in reading order. */
export function namesOnce(scene: Scene): string[] {
  return scene.objects.map((object) => object.name).filter((name) => countOf(scene, name) === 1);
}

/** The colour of the tile under the objects of a name; null where there is none. */
export function tileOf(scene: Scene, name: string): TileColour | null {
  return scene.objects.find((object) => object.name === name)?.tile ?? null;
}

/**
 * Returns where one cell is, seen from another.
 * @returns null where the cells share neither row nor column.
 */
export function relationOf(cell: number, other: number): Relation | null {
  const [row, otherRow] = [Math.floor(cell / GRID), Math.floor(other / GRID)];
  if (row === otherRow) return cell < other ? "left of" : "right of";
  if (cell % GRID === other % GRID) return row < otherRow ? "above" : "below";
  return null;
}

/** Every ordered pair of objects, each appearing once, in one row or column. */
export function alignedPairs(scene: Scene): AlignedPair[] {
  const once = new Set(namesOnce(scene));
  const objects = scene.objects.filter((object) => once.has(object.name));
  return objects.flatMap((one) =>
    objects.flatMap((other) => {
      const relation = one === other ? null : relationOf(one.cell, other.cell);
      return relation === null ? [] : [{ one: one.name, relation, other: other.name }];
    }),
  );
}
