import { expect } from "chai";
import fc from "fast-check";
import { captionObjects, captionParts } from "../../src/evaluation/caption-objects.js";

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

  it("takes whole words only", () => {
    expect(captionObjects("a dogma, a scarf, a cartree", WORLD)).to.deep.equal([]);
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
