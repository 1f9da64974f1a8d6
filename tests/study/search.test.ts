import { expect } from "chai";
import type { Scores } from "../../src/evaluation/eval-result.js";
import { best, choose, type Candidate } from "../../src/study/search.js";

function scores(chairS: number, cover: number, accuracy = 90): Scores {
  return { metrics: { chair_s: chairS, cover, accuracy }, interval: {} };
}

function candidate(method: string, learningRate: number, epochs: number, chairS: number, cover: number): Candidate {
  return { method, learningRate, epochs, scores: scores(chairS, cover) };
}

const base = scores(60, 95);

describe("search", () => {
  it("takes the lowest CHAIRs among those that keep coverage", () => {
    const careless = candidate("m", 1e-3, 1, 5, 90);
    const good = candidate("m", 3e-4, 1, 20, 94.6);
    const timid = candidate("m", 1e-4, 1, 40, 96);
    expect(best([careless, good, timid], base)).to.equal(good);
  });

  it("passes over a candidate that answers yes/no questions worse", () => {
    const forgetful = { ...candidate("m", 1e-3, 1, 5, 95), scores: scores(5, 95, 88.4) };
    const good = { ...candidate("m", 1e-4, 1, 20, 95), scores: scores(20, 95, 88.6) };
    expect(best([forgetful, good], base)).to.equal(good);
  });

  it("takes the one that falls short least when none keeps coverage", () => {
    const worse = candidate("m", 1e-3, 1, 5, 80);
    const better = candidate("m", 1e-4, 1, 30, 90);
    expect(best([worse, better], base)).to.equal(better);
  });

  it("breaks ties by the lower learning rate, whatever the order", () => {
    const low = candidate("m", 1e-4, 1, 20, 95);
    const high = candidate("m", 1e-3, 1, 20, 95);
    expect(best([high, low], base)).to.equal(low);
    expect(best([low, high], base)).to.equal(low);
  });

  it("chooses one number of epochs for all methods and each method's own rate", () => {
    const choice = choose(
      [
        candidate("a", 1e-4, 1, 30, 95),
        candidate("a", 1e-4, 2, 10, 95),
        candidate("b", 1e-4, 1, 30, 95),
        candidate("b", 1e-3, 1, 20, 95),
        candidate("b", 1e-3, 2, 30, 95),
      ],
      base,
    );
    // One epoch: mean of 30 and 20; two epochs: mean of 10 and 30.
    expect(choice).to.deep.equal({ epochs: 2, learningRates: { a: 1e-4, b: 1e-3 } });
  });

  it("counts a method that loses coverage as wholly hallucinated", () => {
    const choice = choose([candidate("a", 1e-4, 1, 50, 95), candidate("a", 1e-4, 2, 1, 50)], base);
    expect(choice.epochs).to.equal(1);
  });
});
