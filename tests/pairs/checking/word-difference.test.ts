import { expect } from "chai";
import fc from "fast-check";
import { changedFacts } from "../../../src/pairs/checking/changed-facts.js";
import { changedPieces, changedSpans, wordsOf } from "../../../src/pairs/checking/word-difference.js";

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
    ["A red key lies on a mat.", "Two red keys lie on a mat.", 1],
    ["Three brown dogs watch a ball.", "A brown dog watches a ball.", 1],
    ["A dog sits on a mat.", "A dog and a cat sit on a mat.", 1],
    ["A pizza and a butterfly.", "An elephant and a butterfly.", 1],
    ["A red key lies on a mat.", "Two red keys lie on a table.", 2],
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

  it("marks in each text what the other lacks, and loses nothing of it", () => {
    const text = fc
      .array(fc.constantFrom("a", "An", "dog", "Dog", "cat", "is", "on", "red", "İ", "don’t", ", ", " ", ". ", "\n"))
      .map((parts) => parts.join(" "));
    const joined = (pieces: readonly { text: string }[]): string => pieces.map((piece) => piece.text).join("");
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [chosen, rejected] = changedPieces(one, other);
        expect([joined(chosen), joined(rejected)]).to.deep.equal([one, other]);
        const same = (pieces: typeof chosen): string[] => wordsOf(joined(pieces.filter(({ changed }) => !changed)));
        expect(same(chosen)).to.deep.equal(same(rejected));
        const marked = [...chosen, ...rejected].some(({ changed }) => changed);
        expect(marked).to.equal(changedSpans(one, other).length > 0);
      }),
    );
  });

  for (const [one, other, marked] of [
    ["A dog sits.", "A cat sits.", ["dog", "cat"]],
    ["There is a pig in it.", "There is a pig and a dog in it.", ["and a dog"]],
    [
      "A picture of a ball, a boat and a fly.",
      "A picture of an airplane, a boat and a fly.",
      ["a ball", "an airplane"],
    ],
    ["Yes, it’s red.", "yes it's RED", []],
  ] as const) {
    it(`marks ${marked.join(" and ") || "nothing"} in "${one}" and "${other}"`, () => {
      const pieces = changedPieces(one, other).flat();
      expect(pieces.flatMap(({ text, changed }) => (changed ? [text] : []))).to.deep.equal(marked);
    });
  }

  it("marks all between the first and the last word that differ where texts have little in common", () => {
    const text = (word: string): string =>
      `Here is ${Array.from({ length: 3000 }, (_, at) => word + at).join(" ")} the end.`;
    const [chosen, rejected] = changedPieces(text("x"), text("y"));
    for (const pieces of [chosen, rejected]) {
      expect(pieces.map(({ changed }) => changed)).to.deep.equal([false, true, false]);
      expect([pieces[0]?.text, pieces[2]?.text]).to.deep.equal(["Here is ", " the end."]);
    }
  });

  it("takes words of any alphabet, with their apostrophes and hyphens", () => {
    expect(wordsOf("Der große Hund’s T-Shirt, 3 cm.")).to.deep.equal(["der", "große", "hund's", "t-shirt", "3", "cm"]);
  });
});
