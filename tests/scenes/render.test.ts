import { expect } from "chai";
import { createRequire } from "node:module";
import sharp from "sharp";
import { composePixels, renderScene } from "../../src/scenes/render.js";
import { objectNamed } from "../../src/scenes/objects.js";
import { Random } from "../../src/numbers/random.js";
import { putOnTile } from "../../src/scenes/scene-contents.js";
import { BACKGROUNDS, sampleScene, type Scene, TILES } from "../../src/scenes/scene.js";
import { loadSprites } from "../../src/scenes/sprites.js";

const ASSETS = createRequire(import.meta.url)
  .resolve("@lobehub/fluent-emoji-3d/package.json")
  .replace("package.json", "assets");

// The same picture, put together by the image library instead of by us.
async function composedBySharp(scene: Scene): Promise<Buffer> {
  const [r, g, b] = BACKGROUNDS[scene.background]!;
  const tiles = scene.objects.flatMap(({ cell, tile }) => {
    if (tile === null) return [];
    const [r, g, b] = TILES[tile];
    const input = { create: { width: 32, height: 32, channels: 3 as const, background: { r, g, b } } };
    return [{ input, left: (cell % 2) * 32, top: cell > 1 ? 32 : 0 }];
  });
  const layers = await Promise.all(
    scene.objects.map(async ({ name, cell, side, left, top }) => ({
      input: await sharp(
        await sharp(`${ASSETS}/${objectNamed(name).asset}.webp`)
          .trim({ background: { r: 0, g: 0, b: 0, alpha: 0 }, threshold: 10 })
          .png()
          .toBuffer(),
      )
        .resize(side, side, { fit: "contain", background: { r: 0, g: 0, b: 0, alpha: 0 } })
        .png()
        .toBuffer(),
      left: (cell % 2) * 32 + left,
      top: (cell > 1 ? 32 : 0) + top,
    })),
  );
  return sharp({ create: { width: 64, height: 64, channels: 3, background: { r, g, b } } })
    .composite([...tiles, ...layers])
    .removeAlpha()
    .raw()
    .toBuffer();
}

describe("drawing", () => {
  it("agrees with the image library's own composition", async () => {
    const sprites = await loadSprites();
    for (const key of ["one", "two", "three"]) {
      const scene = putOnTile(sampleScene(new Random(key), ["dog", "rocket", "umbrella"]), "dog", "purple");
      const expected = await composedBySharp(scene);
      const pixels = composePixels(scene, sprites);
      let worst = 0;
      for (const [index, value] of pixels.entries()) worst = Math.max(worst, Math.abs(value - expected[index]!));
      expect(worst, key).to.be.at.most(2);
    }
  });

  it("makes a 64x64 RGB PNG of exactly the composed pixels, the same every time", async () => {
    const scene = sampleScene(new Random("png"), ["piano", "tulip"]);
    const picture = await renderScene(scene);
    const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).to.deep.equal([64, 64, 3]);
    expect(data.equals(composePixels(scene, await loadSprites()))).to.equal(true);
    expect(Buffer.from(await renderScene(scene)).equals(picture)).to.equal(true);
  });
});
