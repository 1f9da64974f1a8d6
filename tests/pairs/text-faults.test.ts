import { expect } from "chai";
import { looksEqual, textFault, withoutImagePlaces } from "../../src/pairs/text-faults.js";

describe("faults of texts", () => {
  const cases: [text: string, found: RegExp][] = [
    ["What is in <image> here?", /marker <image>$/],
    ["<IMAGE> again", /marker <IMAGE>$/],
    ["Compare <image1> and <image_2>.", /marker <image1>$/],
    ["<img>photos/a.jpg</img> shows a dog", /marker <img>$/],
    ["<ImageHere> a dog", /marker <ImageHere>$/],
    ["<|image_pad|>", /marker <\|image_pad\|>$/],
    ["<video> of a dog", /marker <video>$/],
    ["A dog.</s>", /marker <\/s>$/],
    ["A dog.<|im_end|>", /marker <\|im_end\|>$/],
    ["A dog.<|eot_id|>", /marker <\|eot_id\|>$/],
    ["A dog.<eos>", /marker <eos>$/],
    ["[INST] What?", /marker \[INST\]$/],
    ["\u200B\uFEFF", /nothing that can be seen$/],
    ["\u0301\u00AD\u0000", /nothing that can be seen$/],
    ["a \uD83D dog", /half a character/],
    [" \n", /is empty$/],
  ];
  for (const [text, found] of cases) {
    it(`finds what is wrong with ${JSON.stringify(text)}`, () => {
      expect(textFault(text)?.found).to.match(found);
    });
  }

  it("finds nothing wrong with what people write", () => {
    for (const text of [
      "3 < 5 and 7 > 2",
      "<div class='image'>",
      '<img src="a.png">',
      "a|b|c",
      "👨‍👩‍👧",
      "???",
      "Ein Bär.",
      "مرحبا",
      "A <b>bold</b> sign",
      "an [image] in brackets",
    ]) {
      expect(textFault(text), text).to.equal(null);
    }
  });

  it("takes texts as equal that nobody can tell apart, and no others", () => {
    for (const other of ["caf\u0065\u0301", "caf\u00e9\u200B", " café ", "\u2060café"]) {
      expect(looksEqual("caf\u00e9", other), JSON.stringify(other)).to.equal(true);
    }
    for (const other of ["cafe", "Café", "café."]) expect(looksEqual("caf\u00e9", other), other).to.equal(false);
  });

  it("takes one place of a picture off the beginning or the end of a question", () => {
    for (const text of [
      "<image>\nWhat?",
      "What? <image>",
      "Picture 1: <img>a/b.jpg</img>\nWhat?",
      "<ImageHere>What?",
      "<|vision_start|><|image_pad|><|vision_end|>What?",
      "What?",
    ]) {
      expect(withoutImagePlaces(text), text).to.equal("What?");
    }
    expect(withoutImagePlaces("<image><image>What?")).to.equal("<image>What?");
  });
});
