import { expect } from "chai";
import sharp from "sharp";
import { imageDifference } from "../../src/difficulty/image-difference.js";

type Colour = readonly [number, number, number];

/** A picture of two colours, one left and one right. */
function picture(left: Colour, right: Colour = left, side = 64): Promise<Buffer> {
  const pixels = Buffer.alloc(side * side * 3);
  for (let at = 0; at < side * side; at += 1) pixels.set(at % side < side / 2 ? left : right, 3 * at);
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

const [black, white]: Colour[] = [
  [0, 0, 0],
  [255, 255, 255],
];

describe("imageDifference", () => {
  it("is the share by which pixels differ", async () => {
    const [dark, bright] = [await picture(black as Colour), await picture(white as Colour)];
    expect(await imageDifference(dark, dark)).to.equal(0);
    expect(await imageDifference(dark, bright)).to.equal(1);
    expect(await imageDifference(bright, dark)).to.equal(1);
    expect(await imageDifference(dark, await picture([255, 0, 0]))).to.be.closeTo(1 / 3, 1e-9);
    expect(await imageDifference(dark, await picture([51, 51, 51]))).to.be.closeTo(0.2, 1e-9);
    // At the edge between the halves shrinking mixes a column or two of the 32.
    expect(await imageDifference(dark, await picture(black as Colour, white))).to.be.closeTo(0.5, 0.03);
  });

  it("compares pictures of different sizes, and transparent ones on grey", async () => {
    const small = await picture([200, 10, 10], [10, 10, 200], 32);
    expect(await imageDifference(small, await picture([200, 10, 10], [10, 10, 200], 128))).to.be.lessThan(0.03);
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect(await imageDifference(clear, await picture([128, 128, 128]))).to.be.lessThan(0.005);
  });
});
