import { expect } from "chai";
import type { SceneScores } from "../../src/evaluation/scene-scores.js";
import { best, choose, type Candidate } from "../../src/study/search.js";

function scores(chairS: number, cover: number, accuracy = 0.9): SceneScores {
  const rest = { chair_i: null, hal: null, yes_no: { accuracy, f1: null, yes_ratio: null } };
  const nothing = {
    chair_s: null,
    chair_i: null,
    cover: null,
    hal: null,
    yes_no: { accuracy: null, f1: null, yes_ratio: null },
  };
  return { chair_s: chairS, cover, ...rest, interval: nothing };
}

function candidate(method: string, learningRate: number, epochs: number, chairS: number, cover: number): Candidate {
  return { method, learningRate, epochs, scores: scores(chairS, cover) };
}

const base = scores(0.6, 0.95);

describe("search", () => {
  it("takes the lowest CHAIRs among those that keep coverage", () => {
    const careless = candidate("m", 1e-3, 1, 0.05, 0.9);
    const good = candidate("m", 3e-4, 1, 0.2, 0.946);
    const timid = candidate("m", 1e-4, 1, 0.4, 0.96);
    expect(best([careless, good, timid], base)).to.equal(good);
  });

  it("passes over a candidate that answers yes/no questions worse", () => {
    const forgetful = { ...candidate("m", 1e-3, 1, 0.05, 0.95), scores: scores(0.05, 0.95, 0.884) };
    const good = { ...candidate("m", 1e-4, 1, 0.2, 0.95), scores: scores(0.2, 0.95, 0.886) };
    expect(best([forgetful, good], base)).to.equal(good);
  });

  it("takes the one that falls short least when none keeps coverage", () => {
    const worse = candidate("m", 1e-3, 1, 0.05, 0.8);
    const better = candidate("m", 1e-4, 1, 0.3, 0.9);
    expect(best([worse, better], base)).to.equal(better);
  });

  it("breaks ties by the lower learning rate, whatever the order", () => {
    const low = candidate("m", 1e-4, 1, 0.2, 0.95);
    const high = candidate("m", 1e-3, 1, 0.2, 0.95);
    expect(best([high, low], base)).to.equal(low);
    expect(best([low, high], base)).to.equal(low);
  });

  it("chooses one number of epochs for all methods and each method's own rate", () => {
    const choice = choose(
      [
        candidate("a", 1e-4, 1, 0.3, 0.95),
        candidate("a", 1e-4, 2, 0.1, 0.95),
        candidate("b", 1e-4, 1, 0.3, 0.95),
        candidate("b", 1e-3, 1, 0.2, 0.95),
        candidate("b", 1e-3, 2, 0.3, 0.95),
      ],
      base,
    );
    // One epoch: mean of 0.3 and 0.2; two epochs: mean of 0.1 and 0.3.
    expect(choice).to.deep.equal({ epochs: 2, learningRates: { a: 1e-4, b: 1e-3 } });
  });

  it("counts a method that loses coverage as wholly hallucinated", () => {
    const choice = choose([candidate("a", 1e-4, 1, 0.5, 0.95), candidate("a", 1e-4, 2, 0.01, 0.5)], base);
    expect(choice.epochs).to.equal(1);
  });
});
