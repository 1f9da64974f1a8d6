import sharp from "sharp";
import type { ContrastPair } from "../../src/pairs/contrast-pair.js";

/** Cells (0 to 3) in which the two pictures of a pair differ. */
export async function differingCells(pair: ContrastPair): Promise<Set<number>> {
  const [one, other] = await Promise.all(
    [pair.images[0]!, pair.rejectedImages[0]!].map((png) => sharp(png).raw().toBuffer()),
  );
  const cells = new Set<number>();
  for (let index = 0; index < one!.length; index++) {
    if (one![index] === other![index]) continue;
    const pixel = Math.floor(index / 3);
    cells.add(Math.floor(pixel / 64 / 32) * 2 + Math.floor((pixel % 64) / 32));
  }
  return cells;
}
