import { expect } from "chai";
import fc from "fast-check";
import { captionObjects, captionParts } from "../../src/evaluation/scenes/caption-objects.js";

const WORLD = new Set(["dog", "car", "tree", "cat"]);

describe("captionObjects", () => {
  it("counts every mention of an object of the world, whatever its case and neighbours", () => {
    expect(captionObjects("A dog, a car and a tree.", WORLD)).to.deep.equal(["dog", "car", "tree"]);
    expect(captionObjects("a dog, a DOG, a unicorn", WORLD)).to.deep.equal(["dog", "dog"]);
    expect(captionObjects("", WORLD)).to.deep.equal([]);
  });

  it("counts a plural as a mention", () => {
    expect(captionObjects("two dogs and three trees.", WORLD)).to.deep.equal(["dog", "tree"]);
  });

  it("takes no word for part of another", () => {
    expect(captionObjects("a dogma, a scarf, a dogx, a treecx", WORLD)).to.deep.equal([]);
  });

  it("counts words that are run together", () => {
    expect(captionObjects("a tile anddogs andbusNo", new Set(["dog", "bus"]))).to.deep.equal(["dog", "bus"]);
    expect(captionObjects("a cartree, catand", WORLD)).to.deep.equal(["car", "tree", "cat"]);
    // "a" and "an" both begin it; only one of them leaves a known word.
    expect(captionObjects("ananddog aCat andgreen", WORLD)).to.deep.equal(["dog", "cat"]);
    expect(captionParts("a tree anddogsNo.", WORLD).map(({ text }) => text)).to.deep.equal([
      ...["a", " ", "tree", " "],
      ...["and", "dogs", "No", "."],
    ]);
  });

  it("loses no character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (caption) => {
        expect(
          captionParts(caption, WORLD)
            .map(({ text }) => text)
            .join(""),
        ).to.equal(caption);
      }),
    );
  });
});
