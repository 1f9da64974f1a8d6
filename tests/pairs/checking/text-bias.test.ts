import { expect } from "chai";
import { guessBlind } from "../../../src/pairs/checking/blind-guess.js";
import { TextBiasTally, wilsonInterval } from "../../../src/pairs/checking/text-bias.js";

describe("bias of texts", () => {
  it("measures how much longer chosen is", () => {
    const tally = new TextBiasTally();
    tally.add({ prompt: "what?", chosen: "one two three four", rejected: "one two" });
    tally.add({ prompt: "what?", chosen: "one two three", rejected: "one two four" });
    tally.add({ prompt: "what?", chosen: "one", rejected: "one two" });
    tally.add({ prompt: "what?", chosen: "one two three", rejected: "one two" });
    const bias = tally.result();
    // Extra words 2, 0, -1 and 1: mean 1/2, variance 5/3.
    expect(bias.extraWords).to.equal(0.5);
    const half = 1.959964 * Math.sqrt(5 / 3 / 4);
    expect(bias.extraWordsInterval?.[0]).to.be.closeTo(0.5 - half, 1e-9);
    expect(bias.extraWordsInterval?.[1]).to.be.closeTo(0.5 + half, 1e-9);
    expect(bias.chosenLonger).to.be.closeTo(2 / 3, 1e-12);
  });

  it("says where texts first differ", () => {
    const tally = new TextBiasTally();
    tally.add({ prompt: "what?", chosen: "cat b c d e f", rejected: "dog b c d e f" });
    tally.add({ prompt: "what?", chosen: "a b c cat e f", rejected: "a b c dog e f" });
    tally.add({ prompt: "what?", chosen: "a b c d e cat", rejected: "a b c d e dog" });
    tally.add({ prompt: "what?", chosen: "a b c d e cat", rejected: "a b c d e dog" });
    // Too short for thirds.
    tally.add({ prompt: "what?", chosen: "a cat", rejected: "a dog" });
    expect(tally.result().differenceAt).to.deep.equal([0.25, 0.25, 0.5]);
    expect(tally.result().long).to.equal(4);
  });

  it("says which answer the prompt names first", () => {
    const tally = new TextBiasTally();
    tally.add({ prompt: "Is the dog red or blue?", chosen: "It is red.", rejected: "It is blue." });
    tally.add({ prompt: "Is the dog red or blue?", chosen: "It is blue.", rejected: "It is red." });
    tally.add({ prompt: "Is it a pear or an apple?", chosen: "An apple.", rejected: "A pear." });
    tally.add({ prompt: "A) two B) three", chosen: "A", rejected: "B" });
    // These name one of the two, or none.
    tally.add({ prompt: "Is the dog red?", chosen: "It is red.", rejected: "It is blue." });
    tally.add({ prompt: "What is here?", chosen: "A dog.", rejected: "A dog and a cat." });
    const { namedInPrompt, chosenNamedFirst, chosenNamedFirstInterval } = tally.result();
    expect([namedInPrompt, chosenNamedFirst]).to.deep.equal([4, 0.5]);
    expect(chosenNamedFirstInterval).to.deep.equal(wilsonInterval(2, 4));
  });

  it("is unknown without pairs", () => {
    expect(new TextBiasTally().result()).to.include({ pairs: 0, extraWords: null, chosenLonger: null });
    expect(wilsonInterval(0, 0)).to.equal(null);
  });

  it("gives Wilson's interval", () => {
    // R: prop.test(15, 20, correct = FALSE).
    const [low, high] = wilsonInterval(15, 20) as [number, number];
    expect(low).to.be.closeTo(0.5312994, 1e-6);
    expect(high).to.be.closeTo(0.888138, 1e-6);
  });
});

describe("guess without the picture", () => {
  const animals = ["dog", "cat", "cow", "pig", "hen", "fox"];
  const each = animals.flatMap((a) => animals.filter((b) => b !== a).map((b) => [a, b] as const));

  it("is a coin where every word stands on both sides alike", () => {
    const pairs = each.map(([a, b]) => ({ chosen: `a ${a} here`, rejected: `a ${b} here` }));
    const guess = guessBlind(pairs);
    expect(guess.pairs).to.equal(30);
    expect(guess.accuracy).to.be.at.most(0.5);
    expect(guess.words).to.deep.equal([]);
  });

  it("finds words that stand in rejected alone", () => {
    const pairs = each.map(([a], at) => ({ chosen: `a ${a} number ${at}`, rejected: `a unicorn number ${at}` }));
    const guess = guessBlind(pairs);
    expect(guess.accuracy).to.equal(1);
    expect(guess.words[0]).to.deep.equal({ word: "unicorn", chosen: 0, rejected: 30 });
  });

  it("does not learn a pair from its mirror", () => {
    const pairs = each.flatMap(([a, b]) => [
      { chosen: a, rejected: b },
      { chosen: a, rejected: b },
    ]);
    const mirrored = [...pairs, ...pairs.map(({ chosen, rejected }) => ({ chosen: rejected, rejected: chosen }))];
    expect(guessBlind(mirrored).accuracy).to.equal(0.5);
  });
});
