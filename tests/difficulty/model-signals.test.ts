import { expect } from "chai";
import { modelSignals } from "../../src/difficulty/model-signals.js";
import type { ScorePairsResponse } from "../../src/generated/scpo/v1/trainer.js";
import { failure } from "../fixtures/rejection.js";

const logps = {
  chosenGivenImages: -4,
  rejectedGivenImages: -5,
  chosenGivenRejectedImages: -3,
  rejectedGivenRejectedImages: -3,
};

/** What is made of a trainer's answer about these rows, of which it was asked about 0, 1 and 2. */
async function answered(...rows: number[]): Promise<unknown[]> {
  const client = {
    async *scorePairs(): AsyncIterable<ScorePairsResponse> {
      await Promise.resolve();
      for (const pair of rows) yield { scores: [{ pair, entropy: pair / 10, logps }], done: 1, total: 3 };
    },
  };
  const signals = ["entropy", "margin", "wrong_margins", "negative_margin"] as const;
  const dataset = { path: "/data/pairs.parquet", sha256: "00" };
  const asked = { dataset, rows: [0, 1, 2], signals, batchSize: 1, imageEncoder: "", patchEncoder: "" };
  const found = [];
  for await (const batch of modelSignals(client, asked)) found.push(...batch);
  return found;
}

describe("modelSignals", () => {
  it("names signals by column, and makes margins of log-probs", async () => {
    // Margins 1, -1, 2 and 0; a tie is wrong. Their mean is 0.5.
    const error = { wrong_margins: 0.5, negative_margin: -0.5 };
    expect(await answered(2, 0)).to.deep.equal([
      { row: 2, signals: { entropy: 0.2, margin: 1, ...error } },
      { row: 0, signals: { entropy: 0, margin: 1, ...error } },
    ]);
  });

  it("does not accept double or foreign scores", async () => {
    expect((await failure(answered(2, 2))).message).to.equal("the trainer scored pair 2 twice or without being asked");
    expect((await failure(answered(0, 3))).message).to.equal("the trainer scored pair 3 twice or without being asked");
  });
});
