import type { ContrastPair } from "../pairs/contrast-pair.js";
import { CAPTION_PROMPT, captionOf } from "./caption.js";
import { objectContrast } from "./contrast-object.js";
import { presenceContrast } from "./contrast-presence.js";
import { checkDraw } from "./draw-request.js";
import { drawPicture } from "./draw.js";
import { inParallel } from "./parallel.js";
import { Random } from "./random.js";
import { layoutKey, namesOf, type Scene, splitOf } from "./scene.js";

/** Two scenes that differ in one fact. */
export interface Contrast {
  readonly chosen: Scene;
  readonly rejected: Scene;
  /** What kind of difference it is, more finely than the kind's name. */
  readonly detail: string;
  /** The word of the chosen text that the rejected text lacks. */
  readonly chosenWord: string | null;
  /** The word of the rejected text that the chosen text lacks. */
  readonly rejectedWord: string | null;
}

/** One way of telling two scenes apart. */
export interface ContrastKind {
  readonly name: string;
  /**
   * Proposes a contrast.
   * @param random - Where the choices come from.
   * @param turn - Counts the pairs of this kind, so that details can alternate.
   * @returns A contrast, or null when the scene drawn has none of this detail.
   */
  propose(random: Random, turn: number): Contrast | null;
}

/** Every kind of contrast; pairs take them in turn. A new kind is one generator file and one entry here. */
const CONTRAST_KINDS: readonly ContrastKind[] = [objectContrast, presenceContrast];

/** Draws the contrast of one row, both of its layouts in the train split. */
export function drawContrast(seed: number, index: number): Contrast & { readonly kind: string } {
  const random = new Random(`pairs/${seed}/${index}`);
  const kind = CONTRAST_KINDS[index % CONTRAST_KINDS.length] as ContrastKind;
  for (;;) {
    const contrast = kind.propose(random, Math.floor(index / CONTRAST_KINDS.length));
    if (!contrast) continue;
    const splits = [contrast.chosen, contrast.rejected].map((scene) => splitOf(layoutKey(scene)));
    if (splits.every((split) => split === "train")) return { ...contrast, kind: kind.name };
  }
}

/**
 * Draws contrast quadruples of the built-in world.
 * @param options - `count` pairs from `seed`; a longer set starts with the shorter one. `onProgress` hears how many are done.
 * @returns Pairs with PNG pictures, without difficulty and stage.
 * @throws UserError when count or seed is no whole number in range.
 */
export async function drawContrastPairs(options: {
  count: number;
  seed: number;
  onProgress?: (done: number, total: number) => void;
}): Promise<ContrastPair[]> {
  const { count, seed, onProgress } = options;
  checkDraw({ count, seed });
  const pairs: ContrastPair[] = [];
  for await (const pair of inParallel(count, (index) => drawPair(seed, index))) {
    pairs.push(pair);
    onProgress?.(pairs.length, count);
  }
  return pairs;
}

async function drawPair(seed: number, index: number): Promise<ContrastPair> {
  const contrast = drawContrast(seed, index);
  const objects = namesOf(contrast.chosen);
  const rejectedObjects = namesOf(contrast.rejected);
  return {
    id: `pair-${seed}-${String(index).padStart(5, "0")}`,
    images: [await drawPicture(contrast.chosen)],
    rejectedImages: [await drawPicture(contrast.rejected)],
    prompt: CAPTION_PROMPT,
    chosen: captionOf(objects),
    rejected: captionOf(rejectedObjects),
    kind: contrast.kind,
    detail: contrast.detail,
    chosenWord: contrast.chosenWord,
    rejectedWord: contrast.rejectedWord,
    objects,
    rejectedObjects,
    difficulty: null,
    stage: null,
  };
}
