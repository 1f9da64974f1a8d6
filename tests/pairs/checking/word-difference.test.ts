import { expect } from "chai";
import fc from "fast-check";
import { changedFacts, changedSpans, wordsOf } from "../../../src/pairs/checking/word-difference.js";

describe("difference of two texts", () => {
  const texts = fc.array(fc.constantFrom("a", "dog", "cat", "is", "on", "red", "two", "mat"), { maxLength: 12 });

  it("holds what leads from one to the other", () => {
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const rebuilt: string[] = [...one];
        for (const { chosen, rejected, at } of changedSpans(one.join(" "), other.join(" ")).reverse()) {
          expect(rebuilt.slice(at, at + chosen.length)).to.deep.equal(chosen);
          rebuilt.splice(at, chosen.length, ...rejected);
        }
        expect(rebuilt).to.deep.equal(other);
      }),
    );
  });

  it("is none for equal words", () => {
    expect(changedSpans("A dog, here.", "a dog here!")).to.deep.equal([]);
    expect(changedFacts("A dog.", "a dog")).to.equal(0);
  });

  for (const [chosen, rejected, facts] of [
    ["A dog sits on the mat.", "A cat sits on the mat.", 1],
    ["An apple is red.", "A pear is red.", 1],
    ["There is a dog.", "There are two dogs.", 1],
    ["Two dogs are here.", "One dog is here.", 1],
    ["A dog on a red mat.", "A cat on a blue mat.", 2],
    ["A dog and a cat.", "A dog.", 1],
    ["Yes.", "No.", 1],
    ["A volcano and a guitar.", "A volcano, a guitar and a helicopter.", 1],
    ["A man on a horse in the rain.", "A woman on a cow in the sun.", 3],
  ] as const) {
    it(`counts ${facts} between "${chosen}" and "${rejected}"`, () => {
      expect(changedFacts(chosen, rejected)).to.equal(facts);
      expect(changedFacts(rejected, chosen)).to.equal(facts);
    });
  }

  it("takes words of any alphabet, with their apostrophes and hyphens", () => {
    expect(wordsOf("Der große Hund’s T-Shirt, 3 cm.")).to.deep.equal(["der", "große", "hund's", "t-shirt", "3", "cm"]);
  });
});
