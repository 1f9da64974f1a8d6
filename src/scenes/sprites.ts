import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { UserError } from "../errors.js";
import { OBJECTS } from "./objects.js";
import { SPRITE_SIDES } from "./scene.js";

/** Straight-alpha RGBA pixels, row by row: side x side x 4 bytes. */
type Sprite = Uint8Array;

/** Finds an object's sprite; `side` is one of SPRITE_SIDES. */
export type SpriteSource = (name: string, side: number) => Sprite;

const CLEAR = { r: 0, g: 0, b: 0, alpha: 0 };
let loading: Promise<SpriteSource> | undefined;

/**
 * Loads every object's sprite in every size, once a process.
 * @returns A look-up of sprites.
 * @throws UserError when the image package is missing or damaged.
 */
export function loadSprites(): Promise<SpriteSource> {
  loading ??= decodeSprites();
  return loading;
}

async function decodeSprites(): Promise<SpriteSource> {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve("@lobehub/fluent-emoji-3d/package.json")),
    "assets",
  );
  const sprites = new Map<string, Sprite>();
  await Promise.all(
    OBJECTS.map(async ({ name, asset }) => {
      const path = join(folder, `${asset}.webp`);
      try {
        // The margins of the assets differ; without them every object fills its box.
        const drawing = await sharp(path).ensureAlpha().trim({ background: CLEAR, threshold: 10 }).png().toBuffer();
        for (const side of SPRITE_SIDES) {
          const pixels = await sharp(drawing)
            .resize(side, side, { fit: "contain", background: CLEAR })
            .ensureAlpha()
            .raw()
            .toBuffer();
          sprites.set(`${name}/${side}`, pixels);
        }
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new UserError(`cannot read the picture of "${name}" at ${path} (${reason}); install the packages again`);
      }
    }),
  );
  return (name, side) => {
    const sprite = sprites.get(`${name}/${side}`);
    if (!sprite) throw new RangeError(`no sprite of "${name}" with side ${side}`);
    return sprite;
  };
}
