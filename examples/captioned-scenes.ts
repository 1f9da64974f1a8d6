/**
 * A pairs file whose rejected halves are still to be made, of drawn scenes whose contents are known:
 * `npx tsx examples/captioned-scenes.ts SCENES.parquet [COUNT]`.
 */
import { resolve } from "node:path";
import { writePairRows } from "../src/pairs/pair-rows.js";
import type { PairRow } from "../src/pairs/pair-row.js";
import { withArticle } from "../src/scenes/caption.js";
import { renderScene } from "../src/scenes/render.js";
import { OBJECTS } from "../src/scenes/objects.js";
import { Random } from "../src/numbers/random.js";
import { CELL_SIDE, sampleScene, GRID, namesOf, IMAGE_SIDE, type Scene } from "../src/scenes/scene.js";

const [path, count = "300"] = process.argv.slice(2);
if (path === undefined || !(Number(count) >= 1)) {
  console.error("usage: npx tsx examples/captioned-scenes.ts SCENES.parquet [COUNT]");
  process.exit(2);
}

/** What stands where, in words. */
function captionOf(random: Random, { objects }: Scene): string {
  const names = objects.map(({ name }) => withArticle(name));
  const [first, second] = objects;
  if (first === undefined || second === undefined) return `There is ${names[0]} in the picture.`;
  const place = first.cell % GRID < second.cell % GRID ? "to the left of" : "above";
  const isLeft =
    first.cell % GRID < second.cell % GRID && Math.floor(first.cell / GRID) === Math.floor(second.cell / GRID);
  const isAbove = first.cell % GRID === second.cell % GRID;
  if ((isLeft || isAbove) && objects.length === 2) return `There is ${names[0]} ${place} ${names[1]}.`;
  const list = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return random.chance(0.5) ? `A picture of ${list}.` : `${list.charAt(0).toUpperCase()}${list.slice(1)}.`;
}

async function* rows(): AsyncGenerator<PairRow> {
  for (let index = 0; index < Number(count); index++) {
    const random = new Random(`captioned-scenes/${index}`);
    const names = random.sample(OBJECTS, random.integer(1, 3)).map(({ name }) => name);
    const scene = sampleScene(random, names);
    yield {
      id: `scene-${index}`,
      images: [await renderScene(scene)],
      rejectedImages: null,
      prompt: "Describe the picture.",
      chosen: captionOf(random, scene),
      rejected: null,
      kind: null,
      detail: null,
      chosenWord: null,
      rejectedWord: null,
      objects: namesOf(scene),
      rejectedObjects: null,
      rejectedTrue: null,
      rejectedTrueBy: null,
      extra: null,
      captions: null,
      annotations: scene.objects.map(({ name, cell, side, left, top }) => ({
        object: name,
        box: [
          ((cell % GRID) * CELL_SIDE + left) / IMAGE_SIDE,
          (Math.floor(cell / GRID) * CELL_SIDE + top) / IMAGE_SIDE,
          side / IMAGE_SIDE,
          side / IMAGE_SIDE,
        ],
      })),
      imagesOrigin: "scenes",
      chosenOrigin: "scenes",
      rejectedImagesOrigin: null,
      rejectedOrigin: null,
      source: null,
      signals: {},
      difficulty: null,
      stage: null,
    };
  }
}

await writePairRows(resolve(path), rows());
