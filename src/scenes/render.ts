import sharp from "sharp";
import { BACKGROUNDS, CELL_SIDE, GRID, IMAGE_SIDE, type Scene, TILES } from "./scene.js";
import { loadSprites, type SpriteSource } from "./sprites.js";

/**
 * Composes a scene.
 * @param scene - What to show.
 * @param sprites - As loadSprites gives them.
 * @returns RGB pixels, row by row: IMAGE_SIDE x IMAGE_SIDE x 3 bytes.
 */
export function composePixels(scene: Scene, sprites: SpriteSource): Uint8Array {
  const background = BACKGROUNDS[scene.background];
  if (!background) throw new RangeError(`no background ${scene.background}`);
  const pixels = new Uint8Array(IMAGE_SIDE * IMAGE_SIDE * 3);
  for (let offset = 0; offset < pixels.length; offset += 3) pixels.set(background, offset);
  for (const object of scene.objects) {
    const sprite = sprites(object.name, object.side);
    const cellLeft = (object.cell % GRID) * CELL_SIDE;
    const cellTop = Math.floor(object.cell / GRID) * CELL_SIDE;
    if (object.tile !== null) {
      for (let y = 0; y < CELL_SIDE; y++) {
        for (let x = 0; x < CELL_SIDE; x++) {
          pixels.set(TILES[object.tile], ((cellTop + y) * IMAGE_SIDE + cellLeft + x) * 3);
        }
      }
    }
    const left = cellLeft + object.left;
    const top = cellTop + object.top;
    for (let y = 0; y < object.side; y++) {
      for (let x = 0; x < object.side; x++) {
        const from = (y * object.side + x) * 4;
        const to = ((top + y) * IMAGE_SIDE + left + x) * 3;
        const alpha = sprite[from + 3] as number;
        for (let channel = 0; channel < 3; channel++) {
          const over = (sprite[from + channel] as number) * alpha;
          const under = (pixels[to + channel] as number) * (255 - alpha);
          pixels[to + channel] = Math.round((over + under) / 255);
        }
      }
    }
  }
  return pixels;
}

/**
 * Renders a scene.
 * @returns The bytes of a PNG image, IMAGE_SIDE x IMAGE_SIDE, RGB.
 */
export async function renderScene(scene: Scene): Promise<Uint8Array> {
  const pixels = composePixels(scene, await loadSprites());
  return sharp(pixels, { raw: { width: IMAGE_SIDE, height: IMAGE_SIDE, channels: 3 } })
    .png({ compressionLevel: 6, adaptiveFiltering: false })
    .toBuffer();
}
