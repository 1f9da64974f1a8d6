import type { PlacedObject, Scene } from "../../src/scenes/scene.js";

const NUMBERS: Readonly<Record<string, number>> = { a: 1, an: 1, one: 1, two: 2, three: 3 };
const PLURALS: Readonly<Record<string, string>> = {
  butterflies: "butterfly",
  buses: "bus",
  cacti: "cactus",
  fish: "fish",
  snowmen: "snowman",
  volcanoes: "volcano",
};

function singularOf(noun: string): string {
  return PLURALS[noun] ?? noun.replace(/s$/, "");
}

function named(scene: Scene, name: string): PlacedObject[] {
  return scene.objects.filter((object) => object.name === name);
}

// Rows and columns of the two-by-two grid, from the top left.
function place({ cell }: PlacedObject): { row: number; column: number } {
  return { row: cell < 2 ? 0 : 1, column: cell % 2 };
}

function stands(scene: Scene, one: string, relation: string, other: string): boolean {
  const [a, b] = [named(scene, one)[0], named(scene, other)[0]];
  if (a === undefined || b === undefined) throw new Error(`no ${one} or no ${other}`);
  const [here, there] = [place(a), place(b)];
  switch (relation) {
    case "left of":
      return here.row === there.row && here.column < there.column;
    case "right of":
      return here.row === there.row && here.column > there.column;
    case "above":
      return here.column === there.column && here.row < there.row;
    case "below":
      return here.column === there.column && here.row > there.row;
    default:
      throw new Error(`no relation ${relation}`);
  }
}

/**
 * Answers a yes/no question about a scene by reading its words, apart from how the questions are made.
 * @returns undefined where the text is no yes/no question of the world.
 */
export function truthOf(scene: Scene, question: string): boolean | undefined {
  const presence = /^Is there an? (\w+) in the picture\?$/.exec(question);
  if (presence) return named(scene, presence[1]!).length > 0;
  const count = /^(?:Is|Are) there exactly (\w+) (\w+) in the picture\?$/.exec(question);
  if (count) {
    const name = count[1] === "one" ? count[2]! : singularOf(count[2]!);
    return named(scene, name).length === NUMBERS[count[1]!];
  }
  const tile = /^Is the (\w+) on an? (\w+) tile\?$/.exec(question);
  if (tile) return named(scene, tile[1]!).some((object) => object.tile === tile[2]);
  const position = /^Is the (\w+) (left of|right of|above|below) the (\w+)\?$/.exec(question);
  if (position) return stands(scene, position[1]!, position[2]!, position[3]!);
  return undefined;
}

// What a caption says, name by name: how many and on which tile.
function said(caption: string): string[] {
  return caption
    .replace(/\.$/, "")
    .split(/, | and /)
    .map((phrase) => {
      const parts = /^(\w+) (\w+)(?: on an? (\w+) tile)?$/.exec(phrase);
      if (!parts) throw new Error(`cannot read "${phrase}"`);
      const count = NUMBERS[parts[1]!];
      const name = count === 1 ? parts[2]! : singularOf(parts[2]!);
      return `${count} ${name} ${parts[3] ?? "-"}`;
    });
}

function shown(scene: Scene): string[] {
  const names = [...new Set(scene.objects.map(({ name }) => name))];
  return names.map((name) => `${named(scene, name).length} ${name} ${named(scene, name)[0]!.tile ?? "-"}`);
}

/** Tells whether an answer is true of a scene: yes or no, a caption that lists all of it, or where an object stands. */
export function isTrueOf(scene: Scene, request: string, answer: string): boolean {
  const truth = truthOf(scene, request);
  if (truth !== undefined) return answer === (truth ? "Yes." : "No.");
  const asked = /^Where is the (\w+)\?$/.exec(request)?.[1];
  if (asked !== undefined) {
    const place = /^(\w+(?: of)?) the (\w+)\.$/.exec(answer);
    if (!place) throw new Error(`cannot read "${answer}"`);
    return stands(scene, asked, place[1]!.toLowerCase(), place[2]!);
  }
  return JSON.stringify(said(answer)) === JSON.stringify(shown(scene));
}
