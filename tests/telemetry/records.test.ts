import { expect } from "chai";
import { PairRecord } from "../../src/generated/scpo/v1/telemetry.js";
import { summarizeMargins } from "../../src/telemetry/records.js";

const records = [
  { step: 2, stage: 0, textualMargin: 1, visualMargin: -1 },
  { step: 1, stage: 0, textualMargin: -3, visualMargin: 0 },
  { step: 2, stage: 0, textualMargin: 3, visualMargin: 5 },
  { step: 3, stage: 1, textualMargin: 2, visualMargin: 2 },
].map((record) => PairRecord.fromPartial(record));

describe("pair records", () => {
  it("give means and shares above zero by step", async () => {
    const [first, second, third] = await summarizeMargins(records, "step");
    expect(first).to.deep.include({ key: 1, records: 1 });
    expect(second?.means).to.include({ textualMargin: 2, visualMargin: 2, textualMirrorMargin: 0 });
    expect(second?.accuracies).to.include({ textualMargin: 1, visualMargin: 0.5 });
    expect(third?.key).to.equal(3);
  });

  it("give them by stage", async () => {
    const stages = await summarizeMargins(records, "stage");
    expect(stages.map(({ key, records: count }) => [key, count])).to.deep.equal([
      [0, 3],
      [1, 1],
    ]);
    expect(stages[0]?.means.textualMargin).to.be.closeTo(1 / 3, 1e-12);
    expect(stages[0]?.accuracies.textualMargin).to.be.closeTo(2 / 3, 1e-12);
  });
});
