import { expect } from "chai";
import { captionFluency } from "../../src/evaluation/fluency.js";
import { CAPTION_WORDS, captionOf } from "../../src/scenes/caption.js";
import { OBJECTS } from "../../src/scenes/objects.js";
import { evaluationLayouts } from "../../src/scenes/evaluation-scenes.js";
import { differentNames } from "../../src/scenes/scene.js";

const WORLD = new Set(["dog", "panda", "butterfly", "pizza"]);
const WORDS = new Set(["a", "and", "two", "dog", "dogs", "panda", "pandas", "butterfly", "pizza"]);

describe("captionFluency", () => {
  it("agrees with counting by hand", () => {
    const captions = [
      "a dog and a panda.",
      // Foreign: two words run together; nothing is named twice.
      "A dog andbutterflies pandas.",
      // Foreign, and the dog twice, once in the plural.
      "exactly two dogs, a dog and a pizza.",
      // The pizza twice, once run together with another word: foreign as well.
      "a pizza andpizza",
      "",
    ];
    expect(captionFluency(captions, WORLD, WORDS)).to.deep.equal({
      captions: 5,
      foreign: 3,
      repeating: 2,
      words: 5 + 4 + 8 + 3,
    });
  });

  it("finds nothing foreign and nothing repeated in true captions", () => {
    const names = new Set(OBJECTS.map(({ name }) => name));
    const captions = [...evaluationLayouts("test", 500)].map(({ scene }) => captionOf(differentNames(scene), scene));
    const every = [...names].map((name) => captionOf([name]));
    const fluency = captionFluency([...captions, ...every], names, CAPTION_WORDS);
    expect(fluency).to.include({ captions: 500 + OBJECTS.length, foreign: 0, repeating: 0 });
  });

  it("knows no word that true captions lack", () => {
    for (const word of ["one", "exactly", "there", "is", "left", "picture", "no", "yes", "of"])
      expect(CAPTION_WORDS.has(word), word).to.equal(false);
  });
});
