import { expect } from "chai";
import fc from "fast-check";
import sharp from "sharp";
import { imageDifference, wordEditDistance } from "../../src/difficulty/content-signals.js";

/** Levenshtein's distance by its definition, without a table. */
function byDefinition(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 || other.length === 0) return one.length + other.length;
  if (one[0] === other[0]) return byDefinition(one.slice(1), other.slice(1));
  const [a, b] = [one.slice(1), other.slice(1)];
  return 1 + Math.min(byDefinition(a, other), byDefinition(one, b), byDefinition(a, b));
}

describe("wordEditDistance", () => {
  it("gives the textbook's distances, as a share of the longer text", () => {
    expect(wordEditDistance("k i t t e n", "s i t t i n g")).to.equal(3 / 7);
    expect(wordEditDistance("s a t u r d a y", "s u n d a y")).to.equal(3 / 8);
    expect(wordEditDistance("A red dog.", "a red dog")).to.equal(0);
    expect(wordEditDistance("a dog", "two cats")).to.equal(1);
    expect(wordEditDistance("a dog", "")).to.equal(1);
    expect(wordEditDistance("", "!")).to.equal(0);
  });

  it("agrees with the definition", () => {
    const words = fc.array(fc.constantFrom("dog", "cat", "hen"), { maxLength: 5 });
    fc.assert(
      fc.property(words, words, (one, other) => {
        const longest = Math.max(one.length, other.length, 1);
        expect(wordEditDistance(one.join(" "), other.join(" "))).to.equal(byDefinition(one, other) / longest);
      }),
    );
  });
});

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

  it("compares pictures of different sizes, and transparent ones on white", async () => {
    const small = await picture([200, 10, 10], [10, 10, 200], 32);
    expect(await imageDifference(small, await picture([200, 10, 10], [10, 10, 200], 128))).to.be.lessThan(0.03);
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect(await imageDifference(clear, await picture([255, 255, 255]))).to.be.lessThan(0.005);
  });
});
