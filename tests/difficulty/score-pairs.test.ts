import { expect } from "chai";
import { scorePairs, signalsOf } from "../../src/difficulty/score-pairs.js";
import type { ScorePairsResponse } from "../../src/generated/scpo/v1/trainer.js";

const dataset = { path: "/data/pairs.parquet", sha256: "00", pairs: 3 };

function client(responses: ScorePairsResponse[]) {
  return {
    async *scorePairs(): AsyncIterable<ScorePairsResponse> {
      await Promise.resolve();
      yield* responses;
    },
  };
}

const response = (...pairs: number[]): ScorePairsResponse => ({
  scores: pairs.map((pair) => ({ pair, entropy: pair / 10 })),
  done: pairs.length,
  total: 3,
});

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("did not fail");
}

describe("scorePairs", () => {
  it("collects scores in the order of the file", async () => {
    const progress: number[] = [];
    const scores = await scorePairs(client([response(2, 0), response(1)]), dataset, {
      onProgress: (done) => progress.push(done),
    });
    expect(scores.map(({ pair }) => pair)).to.deep.equal([0, 1, 2]);
    expect(progress).to.deep.equal([2, 1]);
    expect(signalsOf({ pair: 0, entropy: 1 }, 0.4)).to.deep.equal({
      entropy: 1,
      image_similarity: undefined,
      transport_distance: undefined,
      word_proximity: 0.4,
    });
  });

  it("does not accept missing, double or foreign scores", async () => {
    expect(await failure(scorePairs(client([response(2, 0)]), dataset))).to.equal("trainer left pair 1 of 3 unscored");
    expect(await failure(scorePairs(client([response(2, 2)]), dataset))).to.equal("trainer scored pair 2 twice");
    expect(await failure(scorePairs(client([response(3)]), dataset))).to.equal("trainer scored pair 3 of 3");
  });
});
