import { expect } from "chai";
import fc from "fast-check";
import { wordEditDistance } from "../../src/difficulty/text-signals.js";

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
