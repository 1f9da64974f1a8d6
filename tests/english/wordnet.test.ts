import { expect } from "chai";
import { WordNet } from "../../src/english/wordnet.js";

describe("WordNet", () => {
  const wordnet = new WordNet();

  it("gives the similarities that the literature and NLTK give", () => {
    // nltk: wn.synset("dog.n.01").wup_similarity(wn.synset("cat.n.01")) = 0.857142..., wolf.n.01: 0.928571...
    expect(wordnet.proximity("dog", "cat")).to.be.closeTo(12 / 14, 1e-12);
    expect(wordnet.proximity("dog", "wolf")).to.be.closeTo(13 / 14, 1e-12);
    expect(wordnet.proximity("dog", "dog")).to.equal(1);
  });

  it("puts words of a family nearer than words of two families", () => {
    const near = wordnet.proximity("apple", "banana") as number;
    const far = wordnet.proximity("apple", "car") as number;
    expect(near).to.be.greaterThan(far);
    expect(wordnet.proximity("car", "bus")).to.be.greaterThan(wordnet.proximity("car", "dog") as number);
  });

  it("is symmetric and within 0..1", () => {
    const words = ["dog", "apple", "hammer", "guitar", "bicycle"];
    for (const a of words) {
      for (const b of words) {
        const proximity = wordnet.proximity(a, b) as number;
        expect(proximity).to.be.within(0, 1);
        expect(wordnet.proximity(b, a)).to.be.closeTo(proximity, 1e-12);
      }
    }
  });

  it("climbs to the root and knows when a word is not there", () => {
    const dog = wordnet.senses("dog")[0] as number;
    const root = wordnet.senses("entity")[0] as number;
    expect(wordnet.ancestors(dog).get(dog)).to.equal(0);
    expect(wordnet.ancestors(dog).has(root)).to.equal(true);
    expect(wordnet.hypernyms(root)).to.deep.equal([]);
    expect(wordnet.depth(root)).to.equal(1);
    expect(wordnet.senses("ice cream")).not.to.deep.equal([]);
    expect(wordnet.senses("xyzzy")).to.deep.equal([]);
    expect(wordnet.proximity("xyzzy", "dog")).to.equal(undefined);
    expect(wordnet.proximity("dog", "xyzzy")).to.equal(undefined);
  });
});
