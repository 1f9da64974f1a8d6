import { expect } from "chai";
import fc from "fast-check";
import { Morphy } from "../../src/english/morphy.js";
import { ruleTagger } from "../../src/english/part-of-speech.js";
import { sentences } from "../../src/english/sentences.js";
import { singular } from "../../src/english/singular.js";
import { tokenise } from "../../src/english/tokenise.js";
import { verbOfMany } from "../../src/english/verb-number.js";

describe("sentences", () => {
  it("end at points, question and exclamation marks, closing marks included", () => {
    expect(sentences('A dog runs. Is it "big?" Yes! (It is.) The end')).to.deep.equal([
      "A dog runs.",
      'Is it "big?"',
      "Yes!",
      "(It is.)",
      "The end",
    ]);
  });

  it("go on behind abbreviations, initials, numbers and ellipses", () => {
    for (const text of ["Mr. Smith of St. Louis", "at 5 p.m. on", "J. Bach", "row 2. the dog", "a dog... and a cat"]) {
      expect(sentences(text)).to.deep.equal([text]);
    }
  });

  it("are none in blanks", () => {
    expect(sentences("")).to.deep.equal([]);
    expect(sentences(" \n\t\u00a0")).to.deep.equal([]);
  });
});

describe("tokens", () => {
  // The Penn Treebank's own conventions.
  const cases: [text: string, tokens: string][] = [
    ["The dog's tail isn't long.", "The dog 's tail is n't long ."],
    ['He said "stop" (twice), then left.', "He said `` stop '' ( twice ) , then left ."],
    ["They'll say I'm late; we've 5,000 things: 10:30.", "They 'll say I 'm late ; we 've 5,000 things : 10:30 ."],
    ["You cannot wanna go", "You can not wan na go"],
    ["the dogs' house", "the dogs ' house"],
    ["a 'stop' sign", "a ' stop ' sign"],
    ["“quoted” ‘words’ «here»", "“ quoted ” ‘ words ’ « here »"],
    ["well-lit t-shirt, semi--truck", "well-lit t-shirt , semi -- truck"],
    ["dogs... and cats", "dogs ... and cats"],
    ["one.two, three.", "one.two , three ."],
    ["first line.\n\nsecond line.", "first line . second line ."],
    ["50% of $3 & #1 @home *now*", "50 % of $ 3 & # 1 @ home * now *"],
    ["naïve café — 犬🙂", "naïve café — 犬🙂"],
  ];
  for (const [text, tokens] of cases) {
    it(`of ${JSON.stringify(text)}`, () => expect(tokenise(text)).to.deep.equal(tokens.split(" ")));
  }

  it("hold no blanks and lose nothing but blanks and the shape of quotation marks", () => {
    const bare = (text: string): string => text.replace(/[\s\u0085\u001c-\u001f"'`]/gu, "");
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[a-c '".,!?;()-]{0,40}$/)), (text) => {
        const tokens = tokenise(text);
        for (const token of tokens) expect(token).to.match(/^[^ \n\t]+$/u);
        expect(bare(tokens.join(""))).to.equal(bare(text));
      }),
      { numRuns: 500 },
    );
  });

  it("of long runs take no time", function () {
    this.timeout(20_000);
    for (const run of [" ", ".", "a.", "'", '"', "!", "(", "1. ", "dog.) ", "\n"]) {
      tokenise(`x${run.repeat(100_000 / run.length)}x. y`);
    }
  });
});

describe("singular", () => {
  // Plurals of English, and where the official singularizer is known to go wrong.
  const cases: Record<string, string> = {
    dogs: "dog",
    boxes: "box",
    benches: "bench",
    brushes: "brush",
    glasses: "glass",
    knives: "knife",
    wolves: "wolf",
    scarves: "scarf",
    gloves: "glove",
    puppies: "puppy",
    toys: "toy",
    buses: "bus",
    potatoes: "potato",
    mice: "mouse",
    women: "woman",
    children: "child",
    people: "person",
    geese: "goose",
    teeth: "tooth",
    oxen: "ox",
    scissors: "scissors",
    luggage: "luggage",
    "dogs'": "dog's",
    "mothers-in-law": "mother-in-law",
    dog: "dog",
    bus: "bu",
    glass: "glas",
    ties: "ty",
    collies: "collies",
    spaghetti: "spaghettus",
  };
  for (const [word, expected] of Object.entries(cases)) {
    it(`of ${word} is ${expected}`, () => expect(singular(word)).to.equal(expected));
  }

  it("takes anything", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (word) => typeof singular(word) === "string"));
  });
});

describe("morphy", () => {
  const morphy = new Morphy();

  it("finds base forms by part of speech", () => {
    const nouns = { dogs: "dog", women: "woman", geese: "goose", glasses: "glass", people: "people", skis: "ski" };
    for (const [word, lemma] of Object.entries(nouns)) expect(morphy.lemma(word, "noun"), word).to.equal(lemma);
    const verbs = { skiing: "ski", seated: "seat", sat: "sit", tying: "tie", are: "be", riding: "ride" };
    // "riding" is also a form of "rid", which is shorter.
    for (const [word, lemma] of Object.entries({ ...verbs, riding: "rid" })) {
      expect(morphy.lemma(word, "verb"), word).to.equal(lemma);
    }
    expect(morphy.lemma("larger", "adjective")).to.equal("large");
    expect(morphy.lemma("skiing", "noun")).to.equal("skiing");
  });

  it("leaves unknown words as they are", () => {
    for (const word of ["", "xyzzys", "constructor", "__proto__", "toString", "犬", "Dogs"]) {
      expect(morphy.lemma(word, "noun")).to.equal(word);
    }
  });
});

describe("tagger", () => {
  it("tags every token, whatever it is", () => {
    const tag = ruleTagger();
    expect(tag(["a", "dog", "runs"])).to.deep.equal(["DT", "NN", "VBZ"]);
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor"))),
        (tokens) => {
          expect(tag(tokens)).to.have.length(tokens.length);
        },
      ),
    );
  });
});

describe("verbs of many", () => {
  it("keep the e of their base form", () => {
    const morphy = new Morphy();
    const forms = {
      rides: "ride",
      stares: "stare",
      hopes: "hope",
      watches: "watch",
      flies: "fly",
      sits: "sit",
      goes: "go",
    };
    for (const [one, many] of Object.entries(forms)) expect(verbOfMany(one, morphy), one).to.equal(many);
  });
});
