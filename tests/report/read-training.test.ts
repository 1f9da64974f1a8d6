import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PairRecord } from "../../src/generated/scpo/v1/telemetry.js";
import { chooseScenes, chooseWorstPairs } from "../../src/report/choose-examples.js";
import { readTraining } from "../../src/report/read-training.js";
import { StepReport } from "../../src/generated/scpo/v1/trainer.js";
import type { LogEntry } from "../../src/run/log/entries.js";
import { writeLog } from "../fixtures/run-log.js";

const record = (pair: number, textualMargin: number, visualMargin: number): PairRecord => ({
  step: 1,
  stage: 0,
  pair,
  policy: undefined,
  reference: undefined,
  rewards: undefined,
  textualMargin,
  visualMargin,
  textualMirrorMargin: 0,
  visualMirrorMargin: 0,
});

describe("readTraining", () => {
  it("finds stages, reference updates and records in a run's folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scpo-training-"));
    try {
      const opened = { type: "stage-opened", reason: "", tableSeconds: 0 } as const;
      const entries: LogEntry[] = [
        { ...opened, stage: 0, name: "easy", steps: 3, reference: "policy" },
        { type: "step", report: StepReport.fromPartial({ step: 1, klInitial: 0.5, pairs: [{ pair: 4 }] }) },
        { type: "reference-moved", stage: 0, step: 2, reason: "every 2 steps", alpha: 0.6 },
        { type: "stage-closed", stage: 0, steps: 3, unusedPairs: [] },
        { ...opened, stage: 1, name: "hard", steps: 2, reference: "policy" },
        { type: "stage-closed", stage: 1, steps: 2, unusedPairs: [] },
        { ...opened, stage: 2, name: "again", steps: 1, reference: "keep" },
        { type: "stage-closed", stage: 2, steps: 1, unusedPairs: [] },
      ];
      const lines = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");
      await writeLog(folder, entries);
      writeFileSync(join(folder, "pair-records.jsonl"), `${lines([record(4, 0, -1)])}{"torn":`);
      const training = await readTraining(folder, "scpo", { lost: 2, complete: false });
      expect(training.stages).to.deep.equal([
        { stage: 0, name: "easy", firstStep: 1, lastStep: 3 },
        { stage: 1, name: "hard", firstStep: 4, lastStep: 5 },
        { stage: 2, name: "again", firstStep: 6, lastStep: 6 },
      ]);
      expect(training.referenceUpdates).to.deep.equal([
        { step: 2, alpha: 0.6, reason: "every 2 steps" },
        { step: 3, alpha: 1, reason: "reset to the policy" },
      ]);
      expect(training.records).to.deep.equal([record(4, 0, -1)]);
      expect(training.steps[0]?.klInitial).to.equal(0.5);
      expect(training).to.deep.include({ method: "scpo", telemetry: { lost: 2, complete: false } });
      // Of more records than fit into memory, those of every so many steps.
      const many = Array.from({ length: 100 }, (_, at) => ({ ...record(at % 7, 0, 0), step: at + 1 }));
      writeFileSync(join(folder, "pair-records.jsonl"), lines(many));
      const bytes = Buffer.byteLength(lines(many));
      const some = await readTraining(folder, "scpo", undefined, Math.ceil(bytes / 10));
      expect(some.recordsEvery).to.equal(10);
      expect(some.records.map(({ step }) => step)).to.deep.equal([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
      expect((await readTraining(folder, "scpo")).records).to.have.length(100);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("chooseScenes", () => {
  it("takes the first, and of the others those with most mistakes, never a faultless one", () => {
    const mistakes = [3, 0, 1, 2, 0, 2, 1];
    expect(chooseScenes(mistakes, { first: 2, worst: 3 })).to.deep.equal({ first: [0, 1], worst: [3, 5, 2] });
    expect(chooseScenes(mistakes, { first: 5, worst: 9 })).to.deep.equal({ first: [0, 1, 2, 3, 4], worst: [5, 6] });
    expect(chooseScenes([], { first: 5, worst: 9 })).to.deep.equal({ first: [], worst: [] });
  });
});

describe("chooseWorstPairs", () => {
  it("goes by the smaller margin of the last record of each pair", () => {
    const records = [record(0, -9, -9), record(1, 2, -1), record(2, 0.5, 3), record(0, 1, 1), record(3, -1, 4)];
    expect(chooseWorstPairs(records, 3).map(({ pair }) => pair)).to.deep.equal([1, 3, 2]);
  });
});
