import { type Contrast, type ContrastKind, STATEMENT } from "./contrast-kind.js";
import { uniformNames } from "./evaluation-scenes.js";
import { askTile } from "./questions.js";
import type { Random } from "../numbers/random.js";
import { sampleScene, TILE_COLOURS, type TileColour } from "./scene.js";
import { putOnTile } from "./scene-contents.js";

/** The tile under one object has another colour. */
export const attributeContrast: ContrastKind = {
  name: "attribute",
  propose(random: Random): Contrast {
    const names = uniformNames(random);
    const scene = sampleScene(random, names);
    const name = random.pick(names);
    const [chosenWord, rejectedWord] = random.sample(TILE_COLOURS, 2) as [TileColour, TileColour];
    return {
      chosen: putOnTile(scene, name, chosenWord),
      rejected: putOnTile(scene, name, rejectedWord),
      detail: "tile",
      chosenWord,
      rejectedWord,
      statement: STATEMENT,
      questions: [askTile(name, chosenWord), askTile(name, rejectedWord)],
    };
  },
};
